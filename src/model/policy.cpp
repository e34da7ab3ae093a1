// SPDX-License-Identifier: Apache-2.0
#include "model/policy.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/desired.hpp"

namespace masq {
namespace {

// The lists that have a prefix for the destinations, and the longer match of the ip-masq-agent's two lists.
struct Coverage {
  bool broadcast = false;
  bool other_pods = false;
  bool native_routing = false;
  bool agent_excludes = false;
  bool node = false;
  bool own = false;
};

Decision decide(const Coverage& coverage) {
  if (coverage.broadcast) return Decision::exclude_broadcast;
  if (coverage.other_pods) return Decision::exclude_pod_cidr;
  if (coverage.native_routing) return Decision::exclude_native_routing;
  if (coverage.agent_excludes) return Decision::exclude_ip_masq_agent;
  if (coverage.node) return Decision::exclude_node;
  if (coverage.own) return Decision::exclude_own_address;
  return Decision::masquerade;
}

// The order within one prefix: `non_masquerade` comes after `masquerade`, so that the exclusion wins a tie.
enum class List : std::uint8_t { broadcast, other_pods, native_routing, masquerade, non_masquerade, node, own };

void cover(Coverage& coverage, List list) {
  switch (list) {
    case List::broadcast:
      coverage.broadcast = true;
      break;
    case List::other_pods:
      coverage.other_pods = true;
      break;
    case List::native_routing:
      coverage.native_routing = true;
      break;
    case List::masquerade:
      coverage.agent_excludes = false;
      break;
    case List::non_masquerade:
      coverage.agent_excludes = true;
      break;
    case List::node:
      coverage.node = true;
      break;
    case List::own:
      coverage.own = true;
      break;
  }
}

struct Member {
  Cidr cidr;
  List list;
  auto operator<=>(const Member&) const = default;
};

std::vector<Member> sorted_members(const DestinationLists& lists) {
  std::vector<Member> members;
  const auto add = [&](const std::vector<Cidr>& cidrs, List list) {
    for (const auto& cidr : cidrs) members.push_back({cidr, list});
  };
  add(lists.broadcast, List::broadcast);
  add(lists.other_pods, List::other_pods);
  add(lists.native_routing, List::native_routing);
  add(lists.masquerade, List::masquerade);
  add(lists.non_masquerade, List::non_masquerade);
  add(lists.nodes, List::node);
  add(lists.own, List::own);
  std::ranges::sort(members);
  return members;
}

}  // namespace

// In the order of address and length, a prefix follows all prefixes that contain it. A stack holds these, the innermost
// on top. The coverage of a prefix is the coverage of the enclosing prefix, changed by the lists that contain the
// prefix itself. So the longest match of each list is available without a search.
std::vector<PolicyRule> flatten(const DestinationLists& lists) {
  struct Enclosing {
    Cidr cidr;
    Coverage coverage;
  };
  std::vector<PolicyRule> rules;
  std::vector<Enclosing> around;
  const auto members = sorted_members(lists);
  for (auto member = members.begin(); member != members.end();) {
    const auto cidr = member->cidr;
    while (!around.empty() && !around.back().cidr.contains(cidr)) around.pop_back();
    auto coverage = around.empty() ? Coverage{} : around.back().coverage;
    for (; member != members.end() && member->cidr == cidr; ++member) cover(coverage, member->list);
    around.push_back({cidr, coverage});
    rules.push_back({cidr, decide(coverage)});
  }
  return rules;
}

// Let R be the last rule that sorts at or before the destination. If R contains the destination, R is the longest
// match. Otherwise R shares only its first bits with the destination, and every rule that contains the destination is
// at most that long and sorts at or before these bits.
const PolicyRule* find_rule(const std::vector<PolicyRule>& rules, const Address& destination) {
  auto wanted = Cidr::host(destination);
  for (auto end = rules.end();;) {
    const auto after = std::ranges::upper_bound(rules.begin(), end, wanted, {}, &PolicyRule::destination);
    if (after == rules.begin()) return nullptr;
    const auto& rule = *std::prev(after);
    if (rule.destination.family() != destination.family()) return nullptr;
    if (rule.destination.contains(destination)) return &rule;
    wanted = Cidr(destination, common_bits(rule.destination.address(), destination));
    end = std::prev(after);
  }
}

Decision decide_destination(const FamilyPolicy& policy, const Address& destination) {
  if (std::ranges::binary_search(policy.own_inside, destination)) return Decision::exclude_own_address;
  if (any_contains(policy.sources, destination)) return Decision::exclude_pod_cidr;
  const auto* const rule = find_rule(policy.rules, destination);
  return rule == nullptr ? Decision::masquerade : rule->decision;
}

}  // namespace masq
