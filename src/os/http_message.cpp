// SPDX-License-Identifier: Apache-2.0
#include "os/http_message.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace masq::os {

std::optional<HttpRequest> parse_http_request(std::string_view text) {
  const auto line = text.substr(0, text.find("\r\n"));
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first || !line.substr(last + 1).starts_with("HTTP/1."))
    return std::nullopt;
  return HttpRequest{.method = line.substr(0, first), .target = line.substr(first + 1, last - first - 1)};
}

Result<HttpAnswer> parse_http_reply(std::string_view text) {
  constexpr std::string_view begin = "HTTP/1.1 ";
  const auto end = text.find("\r\n\r\n");
  HttpAnswer answer;
  if (!text.starts_with(begin) || end == std::string_view::npos) return fail("not an HTTP reply");
  const auto digits = text.substr(begin.size(), 3);
  std::from_chars(digits.data(), digits.data() + digits.size(), answer.status);
  answer.body = text.substr(end + 4);
  return answer;
}

}  // namespace masq::os
