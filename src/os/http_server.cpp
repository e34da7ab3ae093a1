// SPDX-License-Identifier: Apache-2.0
#include "os/http_server.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/http_message.hpp"

namespace masq::os {
namespace {

constexpr std::size_t max_request_size = 64 * 1024;
// The server accepts a limited number of connections at once, so that existing connections are read in between.
constexpr int max_accepted_at_once = 16;

std::string_view phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

// The length of a stream is unknown: it ends with the connection.
std::string header_of(const HttpReply& reply) {
  const auto length = reply.stream ? std::string() : fmt::format("Content-Length: {}\r\n", reply.body.size());
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{}Connection: close\r\n\r\n", reply.status,
                     phrase(reply.status), reply.type, length);
}

HttpReply reply_to(std::string_view request, const HttpServer::Handler& handler) {
  const auto line = parse_http_request(request);
  if (!line) return {.status = 400, .body = "not an HTTP/1 request\n"};
  const bool is_head = line->method == "HEAD";
  if (line->method != "GET" && !is_head) return {.status = 405, .body = "only GET is supported\n"};
  try {
    return handler(line->target);
  } catch (const std::exception& error) {
    return {.status = 500, .body = fmt::format("internal error: {}\n", error.what())};
  }
}

// Returns the address without the port; empty for a socket without an address (a unix socket). In IPv6 the first half:
// one host may use all addresses of its /64.
std::string host_of(const sockaddr_storage& peer) {
  const auto bytes = [](const auto& field) { return std::string(reinterpret_cast<const char*>(&field), sizeof field); };
  if (peer.ss_family == AF_INET) return bytes(reinterpret_cast<const sockaddr_in&>(peer).sin_addr);
  if (peer.ss_family != AF_INET6) return {};
  const auto& address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
  return IN6_IS_ADDR_V4MAPPED(&address) ? bytes(address) : bytes(address).substr(0, sizeof address / 2);
}

}  // namespace

class HttpServer::Connection {
 public:
  Connection(HttpServer& server, Fd fd, const std::string& host)
      : server_(server), fd_(std::move(fd)), host_(server.hosts_.try_emplace(host, 0).first), deadline_(server.loop_) {
    ++host_->second;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (--host_->second == 0) server_.hosts_.erase(host_);
  }

  // The number of connections of the same address.
  [[nodiscard]] int of_its_host() const { return host_->second; }
  // The request is complete.
  [[nodiscard]] bool is_answering() const { return answering_; }

  // Answers a request that has arrived with the connection. Returns false if nothing is left to do.
  bool start() {
    auto watched = server_.loop_.watch(fd_.get(), EPOLLIN, [this](std::uint32_t events) { ready(events); });
    if (!watched) return false;
    watch_ = *std::move(watched);
    limit_time();
    return proceed();
  }

 private:
  void limit_time() {
    deadline_.start(server_.limits_.timeout, [this] { server_.forget(this); });
  }

  // This object is deleted after a call that ends in forget().
  void ready(std::uint32_t events) {
    if (!proceed() || (events & EPOLLERR) != 0) server_.forget(this);
  }

  // Returns false at the end of the connection.
  bool proceed() {
    if (!answering_ && !receive()) return false;
    return !answering_ || send();
  }

  // Returns false if the peer has closed the connection.
  bool receive() {
    std::array<char, 4096> buffer;
    for (;;) {
      const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      if (count == 0) return false;
      request_.append(buffer.data(), static_cast<std::size_t>(count));
      if (request_.find("\r\n\r\n") != std::string::npos) return begin_answer(reply_to(request_, server_.handler_));
      if (request_.size() > max_request_size) return begin_answer({.status = 431, .body = "request too large\n"});
    }
  }

  bool begin_answer(HttpReply reply) {
    const bool is_head = request_.starts_with("HEAD ");
    reply_ = header_of(reply);
    if (!is_head) reply_ += reply.body;
    if (!is_head) stream_ = std::move(reply.stream);
    answering_ = true;
    limit_time();
    return watch_.change(EPOLLOUT).has_value();
  }

  // Returns false if everything is sent, the connection handed over, or the peer has closed the connection.
  bool send() {
    while (sent_ < reply_.size()) {
      const ssize_t count = ::send(fd_.get(), reply_.data() + sent_, reply_.size() - sent_, MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      sent_ += static_cast<std::size_t>(count);
    }
    if (stream_) hand_over();
    return false;
  }

  void hand_over() {
    watch_.stop();
    stream_(std::move(fd_));
  }

  HttpServer& server_;
  Fd fd_;
  Hosts::iterator host_;
  EventLoop::Watch watch_;
  Timer deadline_;
  std::string request_;
  std::string reply_;
  std::function<void(Fd)> stream_;
  std::size_t sent_ = 0;
  bool answering_ = false;
};

HttpServer::HttpServer(EventLoop& loop, Fd listener, Handler handler, HttpLimits limits)
    : loop_(loop), listener_(std::move(listener)), handler_(std::move(handler)), limits_(limits), pause_(loop) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::open(EventLoop& loop, Fd listener, Handler handler, HttpLimits limits) {
  std::unique_ptr<HttpServer> server(new HttpServer(loop, std::move(listener), std::move(handler), limits));
  TRY_DO(server->listen());
  return server;
}

Result<void> HttpServer::listen() {
  TRY(watch_, loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_some(); }));
  return {};
}

// Connections beyond the limit wait in the socket's queue, or replace another connection. Most requests arrive with
// their connection and are answered at once: they need no room.
void HttpServer::accept_some() {
  for (int accepted = 0; accepted < max_accepted_at_once; ++accepted) {
    if (!make_room()) return;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    Fd fd(accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!fd && errno == EAGAIN) return;
    if (!fd) return pause_accepting();
    auto connection = std::make_unique<Connection>(*this, std::move(fd), host_of(peer));
    if (!connection->start()) continue;
    if (connections_.size() == limits_.connections) end_one();
    connections_.push_back(std::move(connection));
  }
}

// Returns false if there is no room; accepting then pauses until there is.
bool HttpServer::make_room() {
  if (connections_.size() < limits_.connections || limits_.busiest_gives_way) return true;
  (void)watch_.change(0);
  return false;
}

// The oldest of a kind has had the most time: to send its request, or to read its reply.
void HttpServer::end_one() {
  connections_.erase(std::ranges::max_element(
      connections_, {}, [](const auto& one) { return std::pair(!one->is_answering(), one->of_its_host()); }));
}

// No descriptor or memory is available: a level-triggered listener would spin.
void HttpServer::pause_accepting() {
  (void)watch_.change(0);
  pause_.start(std::chrono::seconds(1), [this] { (void)watch_.change(EPOLLIN); });
}

void HttpServer::forget(const Connection* connection) {
  if (connections_.size() == limits_.connections) (void)watch_.change(EPOLLIN);
  connections_.remove_if([connection](const auto& one) { return one.get() == connection; });
}

}  // namespace masq::os
