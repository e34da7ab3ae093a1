// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/explain_reply.hpp"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/serve/status.hpp"
#include "agent/sources/route_query.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "model/desired.hpp"
#include "model/explain.hpp"
#include "os/netlink.hpp"

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

void refuse(Explanation& explanation, std::string reason) {
  explanation = {.masqueraded = false, .reason = std::move(reason), .rule = {}, .externals = {}};
}

// Leaves only the uplinks by which the packet may leave.
void follow(const Way& way, Explanation& explanation) {
  if (!explanation.masqueraded) return;
  if (!way.refusal.empty()) return refuse(explanation, fmt::format("the kernel does not forward it: {}", way.refusal));
  std::erase_if(explanation.externals, [&](const Explanation::External& each) {
    return std::ranges::find(way.devices, each.device) == way.devices.end();
  });
  if (explanation.externals.empty())
    refuse(explanation, fmt::format("it leaves by {}, which is no uplink", way.devices.front()));
}

Result<std::string> device_name(int ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(static_cast<unsigned>(ifindex), name.data()) == nullptr)
    return fail("device {}: {}", ifindex, std::strerror(errno));
  return std::string(name.data());
}

nlohmann::ordered_json render_way(const Result<Way>& way) {
  if (!way) return {{"error", way.error().message}};
  if (!way->refusal.empty()) return {{"error", way->refusal}};
  nlohmann::ordered_json route = {{"device", way->devices.front()}, {"table", way->route.table}};
  if (way->devices.size() > 1) route["devices"] = way->devices;
  if (way->route.gateway) route["gateway"] = way->route.gateway->to_string();
  if (!way->route.rule.empty()) route["rule"] = way->route.rule;
  if (!way->route.mark_rule.empty()) route["ruleForMarks"] = way->route.mark_rule;
  return route;
}

}  // namespace

Result<Question> parse_question(std::string_view target) {
  TRY(auto source, query_address(target, "source"));
  TRY(auto destination, query_address(target, "destination"));
  return Question{.source = source, .destination = destination};
}

Result<Way> ask_kernel(const Question& question) {
  TRY(auto requests, os::NetlinkRequests::open());
  const auto any = Address::parse(question.source.family() == Family::ipv4 ? "0.0.0.0" : "::");
  TRY(const auto back, query_route(requests, *any, question.source, 0));
  TRY(auto source_device, device_name(back.ifindex));
  auto route = query_route(requests, question.source, question.destination, back.ifindex);
  if (!route) return Way{.devices = {}, .route = {}, .refusal = route.error().message};
  Way way{.devices = {}, .route = std::move(*route), .refusal = {}, .source_device = std::move(source_device)};
  TRY(auto first, device_name(way.route.ifindex));
  way.devices.push_back(std::move(first));
  for (const auto hop : way.route.hops) {
    TRY(auto name, device_name(hop));
    if (std::ranges::find(way.devices, name) == way.devices.end()) way.devices.push_back(std::move(name));
  }
  return way;
}

nlohmann::ordered_json answer_question(const Desired& desired, const Question& question, const Result<Way>& way) {
  auto explanation = explain(desired, question.source, question.destination);
  if (way) follow(*way, explanation);
  nlohmann::ordered_json answer;
  answer["source"] = question.source.to_string();
  answer["destination"] = question.destination.to_string();
  answer["verdict"] = to_string(explanation);
  answer["masqueraded"] = explanation.masqueraded;
  answer["reason"] = explanation.reason;
  if (explanation.rule) answer["rule"] = explanation.rule->to_string();
  answer["route"] = render_way(way);
  if (!explanation.masqueraded) return answer;
  if (desired.kernel.verify_source && way && !way->source_device.empty()) answer["sourceDevice"] = way->source_device;
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
