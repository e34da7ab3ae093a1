// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/http_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/caught.hpp"
#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/timers.hpp"

namespace masq::kubernetes {
namespace {

// A peer that vanished is found by the kernel: idle connections by keep-alive, others by the user timeout.
constexpr long keep_alive_seconds = 10;
constexpr unsigned unacknowledged_milliseconds = 20'000;
constexpr long kept_connections = 4;

int set_user_timeout(void* /*unused*/, curl_socket_t fd, curlsocktype /*purpose*/) {
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_milliseconds, sizeof unacknowledged_milliseconds);
  return CURL_SOCKOPT_OK;
}

void set_blob(CURL* easy, CURLoption option, std::string& text) {
  if (text.empty()) return;
  curl_blob blob{.data = text.data(), .len = text.size(), .flags = CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

void set_tls(CURL* easy, HttpRequest& request) {
  set_blob(easy, CURLOPT_CAINFO_BLOB, request.certificate_authority);
  set_blob(easy, CURLOPT_SSLCERT_BLOB, request.certificate);
  set_blob(easy, CURLOPT_SSLKEY_BLOB, request.key);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request.verify_server ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request.verify_server ? 2L : 0L);
}

std::uint32_t to_epoll(int wanted) {
  return ((wanted & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((wanted & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
}

int to_curl(std::uint32_t events) {
  return ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
         ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
}

}  // namespace

// libcurl's multi handle: it says which sockets and which alarm it waits for.
class HttpClient::Multi {
 public:
  class Running;

  explicit Multi(os::EventLoop& loop) : loop_(loop), alarm_(loop), multi_(curl_multi_init()) {
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kept_connections);
    // A connection that hangs must not take other requests with it.
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  }
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi() { curl_multi_cleanup(multi_); }

  os::EventLoop& loop() { return loop_; }
  Result<void> add(CURL* easy) {
    if (const auto code = curl_multi_add_handle(multi_, easy); code != CURLM_OK)
      return fail("libcurl: {}", curl_multi_strerror(code));
    return {};
  }
  void remove(CURL* easy) { curl_multi_remove_handle(multi_, easy); }

 private:
  static int on_socket(CURL* /*easy*/, curl_socket_t fd, int wanted, void* self, void* /*unused*/);
  static int on_timer(CURLM* /*multi*/, long milliseconds, void* self);
  void act(curl_socket_t fd, int events);
  void hand_out_results();

  os::EventLoop& loop_;
  os::Timer alarm_;
  std::map<curl_socket_t, os::EventLoop::Watch> watches_;
  CURLM* multi_;
};

class HttpClient::Multi::Running final : public HttpClient::Exchange {
 public:
  Running(Multi& multi, HttpRequest request, HttpHandlers handlers)
      : multi_(multi), request_(std::move(request)), handlers_(std::move(handlers)), silence_(multi.loop()) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() override { stop(); }

  Result<void> start();
  void end(CURLcode code);

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  void set_request(CURL* easy);
  void wait_for_data();
  void stop();
  void end_with(Result<int> result);
  int status() const;

  Multi& multi_;
  HttpRequest request_;
  HttpHandlers handlers_;
  struct Free {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  os::Timer silence_;
  std::unique_ptr<CURL, Free> easy_;
  std::unique_ptr<curl_slist, Free> headers_;
  std::unique_ptr<curl_slist, Free> connect_to_;
  std::optional<Error> refused_;  // by the handler of the body
  std::array<char, CURL_ERROR_SIZE> reason_{};
};

int HttpClient::Multi::on_socket(CURL* /*easy*/, curl_socket_t fd, int wanted, void* self, void* /*unused*/) {
  auto& multi = *static_cast<Multi*>(self);
  multi.watches_.erase(fd);
  if (wanted == CURL_POLL_REMOVE) return 0;
  auto watch =
      multi.loop_.watch(fd, to_epoll(wanted), [&multi, fd](std::uint32_t events) { multi.act(fd, to_curl(events)); });
  if (!watch) return -1;
  multi.watches_.emplace(fd, *std::move(watch));
  return 0;
}

// libcurl does not allow a call to it from here, so the alarm of 0 ms rings in the loop too.
int HttpClient::Multi::on_timer(CURLM* /*multi*/, long milliseconds, void* self) {
  auto& multi = *static_cast<Multi*>(self);
  if (milliseconds < 0)
    multi.alarm_.stop();
  else
    multi.alarm_.start(std::chrono::milliseconds(milliseconds), [&multi] { multi.act(CURL_SOCKET_TIMEOUT, 0); });
  return 0;
}

void HttpClient::Multi::act(curl_socket_t fd, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, events, &running);
  hand_out_results();
}

// A handler may start and end requests, so each result is asked for anew.
void HttpClient::Multi::hand_out_results() {
  int left = 0;
  while (const auto* const message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    Running* running = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &running);
    running->end(message->data.result);
  }
}

Result<void> HttpClient::Multi::Running::start() {
  easy_.reset(curl_easy_init());
  if (!easy_) return fail("libcurl: out of memory");
  set_request(easy_.get());
  set_tls(easy_.get(), request_);
  silence_.start(request_.first_byte_limit,
                 [this] { end_with(fail("no answer within {} s", request_.first_byte_limit.count() / 1e3)); });
  return multi_.add(easy_.get());
}

void HttpClient::Multi::Running::set_request(CURL* easy) {
  for (const auto& header : request_.headers) headers_.reset(curl_slist_append(headers_.release(), header.c_str()));
  if (!request_.connect_to.empty()) {
    connect_to_.reset(curl_slist_append(nullptr, fmt::format("::{}", request_.connect_to).c_str()));
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to_.get());
  }
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
  if (!request_.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason_.data());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, keep_alive_seconds);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, keep_alive_seconds);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &set_user_timeout);
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request_.new_connection ? 1L : 0L);
}

void HttpClient::Multi::Running::wait_for_data() {
  silence_.start(request_.silence_limit,
                 [this] { end_with(fail("no data for {} s", request_.silence_limit.count() / 1e3)); });
}

// The body of a watch may be silent from the beginning. A line without a text ends the header.
std::size_t HttpClient::Multi::Running::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& running = *static_cast<Running*>(self);
  running.wait_for_data();
  if (std::string_view(data, size * count) == "\r\n" && running.handlers_.began)
    running.handlers_.began(running.status());
  return size * count;
}

std::size_t HttpClient::Multi::Running::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& running = *static_cast<Running*>(self);
  const std::string_view piece(data, size * count);
  running.wait_for_data();
  // No exception may pass through libcurl.
  const auto taken = caught([&] { return running.handlers_.received(running.status(), piece); });
  if (taken) return piece.size();
  running.refused_ = taken.error();
  return 0;  // another number than the size of the piece ends the request
}

int HttpClient::Multi::Running::status() const {
  long code = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &code);
  return static_cast<int>(code);
}

void HttpClient::Multi::Running::stop() {
  silence_.stop();
  if (!easy_) return;
  multi_.remove(easy_.get());
  easy_.reset();
}

void HttpClient::Multi::Running::end(CURLcode code) {
  if (refused_) return end_with(std::unexpected(*refused_));
  if (code == CURLE_OK) return end_with(status());
  const std::string reason = reason_[0] != '\0' ? reason_.data() : curl_easy_strerror(code);
  end_with(fail("{}", reason));
}

// The handler may end this object.
void HttpClient::Multi::Running::end_with(Result<int> result) {
  stop();
  const auto ended = std::exchange(handlers_.ended, nullptr);
  if (ended) ended(std::move(result));
}

HttpClient::HttpClient(os::EventLoop& loop) : multi_(std::make_unique<Multi>(loop)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient::Exchange>> HttpClient::start(HttpRequest request, HttpHandlers handlers) {
  auto running = std::make_unique<Multi::Running>(*multi_, std::move(request), std::move(handlers));
  TRY_DO(running->start());
  return running;
}

}  // namespace masq::kubernetes
