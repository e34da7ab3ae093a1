// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/event_loop.hpp"

namespace masq::kubernetes {

// RFC 9110, section 15; RFC 6585.
inline constexpr int status_ok = 200;
inline constexpr int status_created = 201;
inline constexpr int status_unauthorized = 401;
inline constexpr int status_not_found = 404;
inline constexpr int status_gone = 410;
inline constexpr int status_busy = 429;
inline constexpr int status_unavailable = 503;

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  // PEM text. No certificate authority: those of the system.
  std::string certificate_authority;
  std::string certificate;  // of the client
  std::string key;
  std::string connect_to;  // "HOST:PORT", if the URL's host is only the name in the server's certificate
  bool verify_server = true;
  bool new_connection = false;  // do not use one that an earlier request left open
  // The request fails if nothing arrives for so long: until the first byte of the reply, and after each piece.
  std::chrono::milliseconds first_byte_limit{10'000};
  std::chrono::milliseconds silence_limit{10'000};
};

struct HttpHandlers {
  // The header of the reply is complete.
  std::function<void(int status)> began;
  // A piece of the body, and the status of the reply. If it returns an error, the request ends with this error.
  std::function<Result<void>(int status, std::string_view piece)> received;
  // The reply is complete, or the request failed. Called once, unless the exchange is ended before.
  std::function<void(Result<int> status)> ended;
};

// HTTP(S) requests in an event loop, by libcurl; nothing blocks.
class HttpClient {
 public:
  // One request. Its end cancels the request. It must not be ended from `received`.
  class Exchange {
   public:
    virtual ~Exchange() = default;
  };

  explicit HttpClient(os::EventLoop& loop);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  // All exchanges end before the client.
  Result<std::unique_ptr<Exchange>> start(HttpRequest request, HttpHandlers handlers);

 private:
  class Multi;
  std::unique_ptr<Multi> multi_;
};

}  // namespace masq::kubernetes
