// SPDX-License-Identifier: Apache-2.0
// The messages of HTTP/1.1 as far as masq uses them (RFC 9112).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq::os {

// The words of a request line. They point into the request.
struct HttpRequest {
  std::string_view method;
  std::string_view target;
};
// Returns nullopt if the first line of `text` is not one of HTTP/1.
std::optional<HttpRequest> parse_http_request(std::string_view text);

struct HttpAnswer {
  int status = 0;
  std::string body;
};
// Parses a whole header, and as much of the body as there is.
Result<HttpAnswer> parse_http_reply(std::string_view text);

}  // namespace masq::os
