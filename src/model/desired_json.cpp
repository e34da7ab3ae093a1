// SPDX-License-Identifier: Apache-2.0
#include "model/desired_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/port_range.hpp"
#include "base/result.hpp"
#include "model/desired.hpp"

namespace masq {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array decisions = {Decision::masquerade,
                                  Decision::exclude_broadcast,
                                  Decision::exclude_pod_cidr,
                                  Decision::exclude_native_routing,
                                  Decision::exclude_ip_masq_agent,
                                  Decision::exclude_node,
                                  Decision::exclude_own_address};

template <class Value>
Json to_words(const std::vector<Value>& values) {
  auto words = Json::array();
  for (const auto& value : values) words.push_back(value.to_string());
  return words;
}

Json family_to_json(const FamilyPolicy& policy) {
  auto rules = Json::array();
  for (const auto& rule : policy.rules)
    rules.push_back({{"destination", rule.destination.to_string()}, {"decision", to_string(rule.decision)}});
  return {{"enabled", policy.enabled}, {"sources", to_words(policy.sources)}, {"rules", std::move(rules)}};
}

// Parses a text of one kind. An invalid text ends parsing by an exception that does not leave this file.
struct NotSo {
  Error error;
};
template <class Value>
Value parse(const Json& text) {
  auto value = Value::parse(text.template get<std::string>());
  if (!value) throw NotSo{value.error()};
  return *value;
}
template <class Value>
std::vector<Value> parse_all(const Json& words) {
  std::vector<Value> values;
  for (const auto& word : words) values.push_back(parse<Value>(word));
  return values;
}

Decision parse_decision(const Json& text) {
  const auto word = text.get<std::string>();
  const auto* const found =
      std::ranges::find_if(decisions, [&](Decision decision) { return to_string(decision) == word; });
  if (found == decisions.end()) throw NotSo{{fmt::format("{:?}: no such decision", word)}};
  return *found;
}

FamilyPolicy family_from_json(const Json& document) {
  FamilyPolicy policy;
  policy.enabled = document.at("enabled").get<bool>();
  policy.sources = parse_all<Cidr>(document.at("sources"));
  for (const auto& rule : document.at("rules"))
    policy.rules.push_back({parse<Cidr>(rule.at("destination")), parse_decision(rule.at("decision"))});
  std::ranges::sort(policy.rules);
  return policy;
}

Desired read(const Json& document) {
  Desired desired;
  desired.ipv4 = family_from_json(document.at("ipv4"));
  desired.ipv6 = family_from_json(document.at("ipv6"));
  for (const auto& uplink : document.at("uplinks"))
    desired.uplinks.push_back({.ifindex = uplink.at("ifindex").get<int>(),
                               .name = uplink.at("name").get<std::string>(),
                               .ipv4 = parse_all<Address>(uplink.at("ipv4")),
                               .ipv6 = parse_all<Address>(uplink.at("ipv6"))});
  desired.ports = parse_all<PortRange>(document.at("ports"));
  desired.kept_ports = parse_all<PortRange>(document.value("keptPorts", Json::array()));  // since 1.0
  desired.kernel.route_source = document.at("routeSource").get<bool>();
  desired.max_mappings = document.at("maxMappings").get<std::uint32_t>();
  desired.max_mappings_per_pod = document.at("maxMappingsPerPod").get<std::uint32_t>();
  return desired;
}

}  // namespace

nlohmann::ordered_json desired_to_json(const Desired& desired) {
  auto uplinks = Json::array();
  for (const auto& uplink : desired.uplinks)
    uplinks.push_back({{"name", uplink.name},
                       {"ifindex", uplink.ifindex},
                       {"ipv4", to_words(uplink.ipv4)},
                       {"ipv6", to_words(uplink.ipv6)}});
  return {{"ipv4", family_to_json(desired.ipv4)},
          {"ipv6", family_to_json(desired.ipv6)},
          {"uplinks", std::move(uplinks)},
          {"ports", to_words(desired.ports)},
          {"keptPorts", to_words(desired.kept_ports)},
          {"routeSource", desired.kernel.route_source},
          {"maxMappings", desired.max_mappings},
          {"maxMappingsPerPod", desired.max_mappings_per_pod}};
}

Result<Desired> desired_from_json(const nlohmann::ordered_json& document) {
  try {
    return read(document);
  } catch (const Json::exception& error) {
    return fail("not a desired state: {}", error.what());
  } catch (const NotSo& not_so) {
    return fail_with("not a desired state", not_so.error);
  }
}

}  // namespace masq
