// SPDX-License-Identifier: Apache-2.0
#include "os/http_client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/unix_socket.hpp"

namespace masq {
namespace {

constexpr std::size_t max_reply_size = 64 << 20;
constexpr auto timeout = std::chrono::seconds(10);

Result<std::string> receive_all(int fd) {
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail("no reply: {}", std::strerror(errno));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > max_reply_size) return fail("the reply is larger than {} bytes", max_reply_size);
  }
}

Result<HttpAnswer> parse(std::string_view text) {
  constexpr std::string_view begin = "HTTP/1.1 ";
  const auto end = text.find("\r\n\r\n");
  HttpAnswer answer;
  if (!text.starts_with(begin) || end == std::string_view::npos) return fail("not an HTTP reply");
  const auto digits = text.substr(begin.size(), 3);
  std::from_chars(digits.data(), digits.data() + digits.size(), answer.status);
  answer.body = text.substr(end + 4);
  return answer;
}

}  // namespace

Result<HttpAnswer> http_get(const std::filesystem::path& socket, std::string_view target) {
  TRY(auto fd, connect_to(socket, timeout));
  const auto request = fmt::format("GET {} HTTP/1.1\r\nHost: masq\r\nConnection: close\r\n\r\n", target);
  if (send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return fail("{}: send: {}", socket.string(), std::strerror(errno));
  auto text = receive_all(fd.get());
  if (!text) return fail_with(socket.string(), text.error());
  auto answer = parse(*text);
  if (!answer) return fail_with(socket.string(), answer.error());
  return answer;
}

}  // namespace masq
