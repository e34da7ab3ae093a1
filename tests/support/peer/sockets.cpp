// SPDX-License-Identifier: Apache-2.0
#include "tests/support/peer/sockets.hpp"

#include <arpa/inet.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace masq::peer {
namespace {

std::string verb_of_messages;

timeval time_of(double seconds) {
  return {static_cast<time_t>(seconds), static_cast<suseconds_t>(std::fmod(seconds, 1.0) * 1e6)};
}

}  // namespace

void set_verb_of_messages(const std::string& verb) {
  verb_of_messages = verb;
}

void die(const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", verb_of_messages.c_str(), why.c_str());
  std::_Exit(1);
}

void die_of_errno(const std::string& what) {
  const bool late = errno == EAGAIN || errno == EINPROGRESS;
  die(what + ": " + (late ? "timed out" : std::strerror(errno)));
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

std::string Endpoint::address() const {
  char text[INET6_ADDRSTRLEN] = "-";
  if (storage.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text, sizeof(text));
  } else if (storage.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, text, sizeof(text));
  }
  constexpr std::string_view mapped = "::ffff:";
  const std::string_view shown = text;
  return std::string(shown.starts_with(mapped) ? shown.substr(mapped.size()) : shown);
}

std::uint16_t Endpoint::port() const {
  // sin_port and sin6_port stand at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

int family_of(const std::string& address) {
  return address.contains(':') ? AF_INET6 : AF_INET;
}

int type_of(const Request& request) {
  return request.protocol == "tcp" ? SOCK_STREAM : SOCK_DGRAM;
}

Endpoint endpoint_of(const std::string& address, std::uint16_t port, int family) {
  Endpoint made;
  if (family == AF_UNSPEC) family = family_of(address);
  made.storage.ss_family = static_cast<sa_family_t>(family);
  reinterpret_cast<sockaddr_in&>(made.storage).sin_port = htons(port);
  void* where = family == AF_INET ? static_cast<void*>(&reinterpret_cast<sockaddr_in&>(made.storage).sin_addr)
                                  : &reinterpret_cast<sockaddr_in6&>(made.storage).sin6_addr;
  made.length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (!address.empty() && inet_pton(family, address.c_str(), where) != 1) die("no address: " + address);
  return made;
}

Socket connect_to(const Request& request) {
  const int family = family_of(request.address);
  Socket made(::socket(family, type_of(request) | SOCK_CLOEXEC, 0));
  const timeval timeout = time_of(request.timeout);
  ::setsockopt(made.fd(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  ::setsockopt(made.fd(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  if (!request.source.empty() || request.source_port != 0) {
    const int yes = 1;
    ::setsockopt(made.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    Endpoint source = endpoint_of(request.source, request.source_port, family);
    if (::bind(made.fd(), source.raw(), source.length) != 0) die_of_errno("bind");
  }
  Endpoint target = endpoint_of(request.address, request.port);
  if (::connect(made.fd(), target.raw(), target.length) != 0) die_of_errno("connect");
  return made;
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string LineReader::next() {
  for (;;) {
    if (const auto end = pending_.find('\n'); end != std::string::npos) {
      std::string line = pending_.substr(0, end + 1);
      pending_.erase(0, end + 1);
      return line;
    }
    char buffer[4096];
    errno = 0;
    const ssize_t got = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (got <= 0) return "";
    pending_.append(buffer, static_cast<std::size_t>(got));
  }
}

long LineReader::read(char* buffer, std::size_t size) {
  if (pending_.empty()) return ::recv(fd_, buffer, size, 0);
  const std::size_t taken = pending_.copy(buffer, size);
  pending_.erase(0, taken);
  return static_cast<long>(taken);
}

std::string read_answer(int fd) {
  std::string answer;
  while (!answer.ends_with('\n')) {
    char buffer[256];
    const ssize_t got = ::recv(fd, buffer, sizeof(buffer), 0);
    if (got == 0) die("closed without an answer");
    if (got < 0 && errno == EAGAIN) return "";
    if (got < 0) die_of_errno("receive");
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  return answer;
}

std::string ask_who(int fd) {
  if (!send_all(fd, who)) die_of_errno("send");
  std::string answer = read_answer(fd);
  if (answer.empty()) die("timed out");
  return answer;
}

}  // namespace masq::peer
