// SPDX-License-Identifier: Apache-2.0
// A request and a reply of HTTP.
#include "os/http_message.hpp"
#include "target.hpp"

namespace masq::fuzz {

void fuzz_http(Input input) {
  const auto text = text_of(input);
  (void)os::parse_http_reply(text);
  const auto request = os::parse_http_request(text);
  if (!request) return;
  require(request->target.size() + request->method.size() < text.size(), "the words are parts of the line");
}

}  // namespace masq::fuzz
