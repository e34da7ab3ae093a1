// SPDX-License-Identifier: Apache-2.0
#include "os/http_client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/http_message.hpp"
#include "os/unix_socket.hpp"

namespace masq::os {
namespace {

constexpr std::size_t max_reply_size = 64 << 20;
constexpr auto timeout = std::chrono::seconds(10);

// Returns false at the end of the reply.
Result<bool> receive_some(int fd, std::string& text) {
  std::array<char, 65536> buffer;
  ssize_t count = -1;
  do count = recv(fd, buffer.data(), buffer.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count < 0) return fail("no reply: {}", std::strerror(errno));
  text.append(buffer.data(), static_cast<std::size_t>(count));
  if (text.size() > max_reply_size) return fail("the reply is larger than {} bytes", max_reply_size);
  return count > 0;
}

// Receives until `enough`, or the end.
Result<std::string> receive(int fd, const std::function<bool(const std::string&)>& enough) {
  std::string text;
  while (!enough(text)) {
    TRY(const auto more, receive_some(fd, text));
    if (!more) break;
  }
  return text;
}

Result<Fd> send_request(const std::filesystem::path& socket, std::string_view target) {
  TRY(auto fd, connect_to(socket, timeout));
  const auto request = fmt::format("GET {} HTTP/1.1\r\nHost: masq\r\nConnection: close\r\n\r\n", target);
  if (send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return fail("{}: send: {}", socket.string(), std::strerror(errno));
  return fd;
}

}  // namespace

Result<HttpAnswer> http_get(const std::filesystem::path& socket, std::string_view target) {
  TRY(const auto fd, send_request(socket, target));
  auto text = receive(fd.get(), [](const auto&) { return false; });
  if (!text) return fail_with(socket.string(), text.error());
  auto answer = parse_http_reply(*text);
  if (!answer) return fail_with(socket.string(), answer.error());
  return answer;
}

Result<HttpStreamAnswer> http_stream(const std::filesystem::path& socket, std::string_view target) {
  TRY(auto fd, send_request(socket, target));
  auto text = receive(fd.get(), [](const auto& so_far) { return so_far.find("\r\n\r\n") != std::string::npos; });
  if (!text) return fail_with(socket.string(), text.error());
  auto answer = parse_http_reply(*text);
  if (!answer) return fail_with(socket.string(), answer.error());
  if (answer->status != 200) {
    auto rest = receive(fd.get(), [](const auto&) { return false; });
    if (!rest) return fail_with(socket.string(), rest.error());
    answer->body += *rest;
    return HttpStreamAnswer{.answer = std::move(*answer), .stream = {}};
  }
  if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) return fail("{}: {}", socket.string(), std::strerror(errno));
  auto begin = std::exchange(answer->body, {});
  return HttpStreamAnswer{.answer = std::move(*answer),
                          .stream = {.connection = std::move(fd), .begin = std::move(begin)}};
}

}  // namespace masq::os
