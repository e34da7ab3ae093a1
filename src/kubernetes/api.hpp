// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "kubernetes/access.hpp"
#include "kubernetes/http_client.hpp"
#include "os/event_loop.hpp"

namespace masq::kubernetes {

struct ApiRequest {
  std::string method = "GET";
  std::string path_and_query;                     // "/api/v1/nodes?limit=500"
  std::string body{};                             // JSON
  std::string content_type = "application/json";  // of the body
  bool new_connection = false;
  std::chrono::milliseconds silence_limit{10'000};
};

// Sends a request; its end cancels it. Api::start is the real one; tests have another.
using StartRequest =
    std::function<Result<std::unique_ptr<HttpClient::Exchange>>(const ApiRequest& request, HttpHandlers handlers)>;

// From 0 to 1: retries and news of many agents are spread over time.
using Random = std::function<double()>;

// Requests to one API server. Credentials are read for each request.
class Api {
 public:
  using ReadAccess = std::function<Result<Access>()>;

  Api(os::EventLoop& loop, ReadAccess read_access) : read_access_(std::move(read_access)), client_(loop) {}

  Result<std::unique_ptr<HttpClient::Exchange>> start(const ApiRequest& request, HttpHandlers handlers);

  // Ended requests by status; 0: without an answer.
  const std::map<int, std::uint64_t>& requests() const { return requests_; }

 private:
  ReadAccess read_access_;
  std::map<int, std::uint64_t> requests_;
  HttpClient client_;
};

// The text of a failed reply: "403: nodes is forbidden". `body` may be a Status of the API, anything else, or cut.
std::string describe_failure(int status, const std::string& body);

// Adds a piece of a refused reply to what is kept of it for describe_failure(), which is its beginning.
void keep_refusal(std::string& kept, std::string_view piece);

// "a b" -> "a%20b"
std::string percent_encoded(const std::string& text);

}  // namespace masq::kubernetes
