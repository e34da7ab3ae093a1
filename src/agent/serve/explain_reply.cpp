// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/explain_reply.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/serve/status.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "model/desired.hpp"
#include "model/explain.hpp"

namespace masq::agent {
namespace {

// Returns the value of a key of the query, else nullopt. The accepted values need no decoding.
std::optional<std::string_view> query_value(std::string_view target, std::string_view key) {
  const auto question_mark = target.find('?');
  if (question_mark == target.npos) return std::nullopt;
  for (auto rest = target.substr(question_mark + 1); !rest.empty();) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (equals != pair.npos && pair.substr(0, equals) == key) return pair.substr(equals + 1);
  }
  return std::nullopt;
}

Result<Address> query_address(std::string_view target, std::string_view key) {
  const auto text = query_value(target, key);
  if (!text) return fail("{}: an address is expected", key);
  auto address = Address::parse(*text);
  if (!address) return fail("{}: {:?}: an address is expected", key, *text);
  return address;
}

}  // namespace

Result<Question> parse_question(std::string_view target) {
  TRY(auto source, query_address(target, "source"));
  TRY(auto destination, query_address(target, "destination"));
  return Question{.source = source, .destination = destination};
}

nlohmann::ordered_json answer_question(const Desired& desired, const Question& question) {
  const auto explanation = explain(desired, question.source, question.destination);
  nlohmann::ordered_json answer;
  answer["source"] = question.source.to_string();
  answer["destination"] = question.destination.to_string();
  answer["verdict"] = to_string(explanation);
  answer["masqueraded"] = explanation.masqueraded;
  answer["reason"] = explanation.reason;
  if (explanation.rule) answer["rule"] = explanation.rule->to_string();
  if (!explanation.masqueraded) return answer;
  answer["externals"] = nlohmann::ordered_json::array();
  for (const auto& [device, addresses] : explanation.externals) {
    auto words = nlohmann::ordered_json::array();
    for (const auto& address : addresses) words.push_back(address.to_string());
    answer["externals"].push_back({{"device", device}, {"addresses", std::move(words)}});
  }
  answer["addressByRoute"] = explanation.by_route;
  answer["limits"] = render_limits(desired);
  return answer;
}

}  // namespace masq::agent
