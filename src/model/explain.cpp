// SPDX-License-Identifier: Apache-2.0
#include "model/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/desired.hpp"
#include "model/policy.hpp"

namespace masq {
namespace {

const Cidr* longest(const std::vector<Cidr>& cidrs, const Address& address) {
  const Cidr* best = nullptr;
  for (const auto& cidr : cidrs)
    if (cidr.contains(address) && (best == nullptr || cidr.length() > best->length())) best = &cidr;
  return best;
}

Explanation not_masqueraded(std::string reason, std::optional<Cidr> rule = std::nullopt) {
  Explanation explanation;
  explanation.reason = std::move(reason);
  explanation.rule = rule;
  return explanation;
}

// Returns the explanation for packets that need no rule, else nullopt.
std::optional<Explanation> explain_without_rules(const Desired& desired, const Address& source,
                                                 const Address& destination) {
  if (source.family() != destination.family())
    return not_masqueraded("source and destination are of different address families");
  const auto& policy = desired.family(source.family());
  if (!policy.enabled)
    return not_masqueraded(fmt::format("{} masquerading is off", source.family() == Family::ipv4 ? "IPv4" : "IPv6"));
  if (std::ranges::binary_search(policy.own_inside, source))
    return not_masqueraded("the source is an address of this node");
  if (!any_contains(policy.sources, source))
    return not_masqueraded(fmt::format("the source is outside the pod CIDRs ({})",
                                       policy.sources.empty() ? "none detected" : join(policy.sources)));
  if (destination.is_multicast()) return not_masqueraded("the destination is a multicast address");
  if (destination == Address::parse("255.255.255.255"))
    return not_masqueraded("the destination is the broadcast address");
  return std::nullopt;
}

// Returns the prefix as the user wrote it: a rule of the merged list may be narrower.
std::optional<Cidr> prefix_as_written(const Desired& desired, Decision decision, const Address& destination) {
  const auto& policy = desired.family(destination.family());
  const Cidr* found = nullptr;
  if (decision == Decision::exclude_pod_cidr) found = longest(policy.sources, destination);
  if (decision == Decision::exclude_native_routing) found = longest(policy.shown_exclusions, destination);
  if (decision == Decision::exclude_ip_masq_agent)
    found = longest(desired.ip_masq_agent_rules.non_masquerade, destination);
  if (decision == Decision::masquerade) found = longest(desired.ip_masq_agent_rules.masquerade, destination);
  if (found != nullptr) return *found;
  const auto* const rule = find_rule(policy.rules, destination);
  return rule == nullptr || decision == Decision::masquerade ? std::nullopt : std::optional(rule->destination);
}

std::string reason_of(Decision decision, const std::optional<Cidr>& rule) {
  const auto prefix = rule ? rule->to_string() : "";
  switch (decision) {
    case Decision::masquerade:
      return rule ? fmt::format("{} is in the ip-masq-agent's masqueradeCIDRs", prefix) : "no exclusion matches";
    case Decision::exclude_broadcast:
      return fmt::format("{} is a broadcast address", prefix);
    case Decision::exclude_pod_cidr:
      return fmt::format("the destination is inside the pod CIDR {}", prefix);
    case Decision::exclude_native_routing:
      return fmt::format("the destination is inside the native routing CIDR {}", prefix);
    case Decision::exclude_ip_masq_agent:
      return fmt::format("{} is excluded by the ip-masq-agent", prefix);
    case Decision::exclude_node:
      return fmt::format("{} is another node's address", prefix);
    case Decision::exclude_own_address:
      return fmt::format("{} is an address of this node", prefix);
  }
  return "unknown";
}

std::string list(const std::vector<Address>& addresses) {
  if (addresses.empty()) return "nothing (no usable address: packets are dropped)";
  std::string text;
  for (const auto& address : addresses) text += (text.empty() ? "" : " or ") + address.to_string();
  return text;
}

// The longest prefix comes first.
std::vector<Address> external_addresses(const Desired& desired, const Uplink& uplink, const Address& destination) {
  for (const auto& route : desired.source_routes)
    if (route.device == uplink.name && route.destination.contains(destination)) return {route.source};
  return destination.family() == Family::ipv4 ? uplink.ipv4 : uplink.ipv6;
}

}  // namespace

Explanation explain(const Desired& desired, const Address& source, const Address& destination) {
  if (auto early = explain_without_rules(desired, source, destination)) return *std::move(early);
  const auto decision = decide_destination(desired.family(source.family()), destination);
  const auto rule = prefix_as_written(desired, decision, destination);
  auto explanation = not_masqueraded(reason_of(decision, rule), rule);
  if (decision != Decision::masquerade) return explanation;
  if (desired.uplinks.empty()) return not_masqueraded("no uplink exists");
  explanation.masqueraded = true;
  explanation.by_route = desired.kernel.route_source;
  for (const auto& uplink : desired.uplinks)
    explanation.externals.push_back({uplink.name, external_addresses(desired, uplink, destination)});
  return explanation;
}

std::string to_string(const Explanation& explanation) {
  if (!explanation.masqueraded) return "not masqueraded: " + explanation.reason;
  const auto& externals = explanation.externals;
  const auto* const as = explanation.by_route ? "as the source address that the route selects, else " : "as ";
  const bool uniform = std::ranges::adjacent_find(externals, std::ranges::not_equal_to{},
                                                  &Explanation::External::addresses) == externals.end();
  if (uniform && !externals.empty())
    return fmt::format("masqueraded {}{}: {}", as, list(externals.front().addresses), explanation.reason);
  std::string by_device;
  for (const auto& [device, addresses] : externals)
    by_device += fmt::format("{}on {} {}{}", by_device.empty() ? "" : ", ", device, as, list(addresses));
  return fmt::format("masqueraded {}: {}", by_device, explanation.reason);
}

}  // namespace masq
