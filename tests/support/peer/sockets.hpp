// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "tests/support/peer/request.hpp"

namespace masq::peer {

inline constexpr std::string_view who = "WHO\n";  // a request: the server returns the caller's address and port

/// Ends the process: "VERB: WHY" on standard error, exit 1.
[[noreturn]] void die(const std::string& why);
/// The same with the text of errno; a timeout of the socket is "timed out".
[[noreturn]] void die_of_errno(const std::string& what);
void set_verb_of_messages(const std::string& verb);

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&&) = delete;
  ~Socket();
  int fd() const { return fd_; }

 private:
  int fd_;
};

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  /// IPv4-mapped addresses are shown as IPv4.
  std::string address() const;
  std::uint16_t port() const;
};

/// An address in text; "" is the unspecified one of `family`.
Endpoint endpoint_of(const std::string& address, std::uint16_t port, int family = AF_UNSPEC);
int family_of(const std::string& address);
int type_of(const Request& request);

/// Connected to the request's address and port, bound to its source, with its timeout on every call; dies if not.
Socket connect_to(const Request& request);

/// All of `text`; returns false when the connection is broken.
bool send_all(int fd, std::string_view text);

/// A line of a stream, with its "\n"; "" at the end of the stream or when it is broken (errno then, else 0).
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  std::string next();
  /// What was read behind the last line, or else what the socket has. Returns 0 at the end, -1 when broken.
  long read(char* buffer, std::size_t size);

 private:
  int fd_;
  std::string pending_;
};

/// Sends WHO and returns the server's answer, a line; dies when there is none.
std::string ask_who(int fd);
/// The answer alone. Returns "" and EAGAIN in errno when it did not come in time.
std::string read_answer(int fd);

}  // namespace masq::peer
