// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_members.hpp"
#include "base/result.hpp"
#include "kubernetes/http_client.hpp"

namespace masq::kubernetes {
namespace {

constexpr std::size_t max_shown_reply = 200;
constexpr std::size_t max_refusal = 4096;

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").contains(c);
}

}  // namespace

Result<std::unique_ptr<HttpClient::Exchange>> Api::start(const ApiRequest& request, HttpHandlers handlers) {
  TRY(const auto access, read_access_());
  TRY(auto sent, access.request(request.path_and_query));
  sent.method = request.method;
  sent.new_connection = request.new_connection;
  sent.silence_limit = request.silence_limit;
  sent.body = request.body;
  if (!request.body.empty()) sent.headers.push_back("Content-Type: " + request.content_type);
  auto ended = [this, end = std::move(handlers.ended)](Result<int> status) {
    ++requests_[status.value_or(0)];
    end(std::move(status));
  };
  return client_.start(
      std::move(sent),
      {.began = std::move(handlers.began), .received = std::move(handlers.received), .ended = std::move(ended)});
}

std::string describe_failure(int status, const std::string& body) {
  const auto reply = nlohmann::json::parse(body, nullptr, false);
  if (const auto message = text_or_empty(member_of(reply, "message")); !message.empty())
    return fmt::format("{}: {}", status, message);
  return body.empty() ? std::to_string(status) : fmt::format("{}: {}", status, body.substr(0, max_shown_reply));
}

void keep_refusal(std::string& kept, std::string_view piece) {
  kept += piece.substr(0, max_refusal - std::min(max_refusal, kept.size()));
}

// RFC 3986, section 2.1.
std::string percent_encoded(const std::string& text) {
  std::string encoded;
  for (const char c : text)
    encoded += is_unreserved(c) ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

}  // namespace masq::kubernetes
