// SPDX-License-Identifier: Apache-2.0
#include "model/external_address.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/device_role.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

// Of several default routes, packets take the first one with the smallest rank of its table, then with the lowest
// metric. Halves count if there is no other.
const Route* best_default_route(const std::vector<const Route*>& routes, Family family) {
  const auto rank = [](const Route& route) {
    return std::tuple(route.destination.length(), route.table_rank, route.metric);
  };
  const Route* best = nullptr;
  for (const auto* route : routes)
    if (is_default(route->destination) && route->destination.family() == family &&
        (best == nullptr || rank(*route) < rank(*best)))
      best = route;
  return best;
}

// The labels of IPv6 prefixes: the kernel's table (net/ipv6/addrlabel.c), which extends RFC 6724 2.1.
struct Label {
  const char* prefix;
  int label;
};
constexpr Label labels[] = {{"::/0", 1},      {"fc00::/7", 5}, {"2002::/16", 2},     {"2001:10::/28", 7},
                            {"2001::/32", 6}, {"::/96", 3},    {"::ffff:0:0/96", 4}, {"::1/128", 0}};

// Sorted by length.
const std::vector<std::pair<Cidr, int>>& label_table() {
  static const auto table = [] {
    std::vector<std::pair<Cidr, int>> parsed;
    for (const auto& [prefix, label] : labels) parsed.emplace_back(Cidr::parse(prefix).value(), label);
    return parsed;
  }();
  return table;
}

int label_of(const Cidr& prefix) {
  int label = 0;
  for (const auto& [wider, its_label] : label_table())
    if (wider.contains(prefix)) label = its_label;
  return label;
}

bool is_in_vrf(const Link& link, int vrf) {
  return vrf != 0 ? link.ifindex == vrf || (link.master == vrf && link.master_kind == "vrf")
                  : link.master_kind != "vrf" && link.kind != "vrf";
}

int vrf_of(const Link& link) {
  return link.master_kind == "vrf" ? link.master : 0;
}

template <class Candidates>
void add_usable(const Link& link, Family family, bool borrowed, Candidates& candidates) {
  for (const auto& candidate : link.addresses)
    if (candidate.address.family() == family && is_usable(candidate)) candidates.push_back({&candidate, borrowed});
}

}  // namespace

bool is_usable(const LinkAddress& candidate) {
  const auto& address = candidate.address;
  return candidate.scope_global && !candidate.tentative && !address.is_link_local() && !address.is_loopback() &&
         !address.is_multicast() && !address.is_unspecified();
}

const LinkAddress* find_own_address(const Node& node, const Address& address) {
  for (const auto& link : node.links)
    for (const auto& candidate : link.addresses)
      if (candidate.address == address) return &candidate;
  return nullptr;
}

SourceChoice::SourceChoice(const Link& link, Family family, const Node& node, const std::vector<const Route*>& routes,
                           const std::vector<Cidr>& pods)
    : family_(family), prefers_temporary_(link.prefers_temporary) {
  add_usable(link, family, false, candidates_);
  const bool is_used =
      std::ranges::any_of(routes, [&](const Route* route) { return route->destination.family() == family; });
  const bool lacks = std::ranges::all_of(
      candidates_, [&](const Candidate& own) { return family == Family::ipv6 && own.address->deprecated; });
  if (lacks && is_used) borrow(link, node, pods);
}

// The addresses of the VRF, or those of the loopback, come first.
void SourceChoice::borrow(const Link& link, const Node& node, const std::vector<Cidr>& pods) {
  const auto vrf = vrf_of(link);
  for (const bool first : {true, false})
    for (const auto& other : node.links)
      if (other.ifindex != link.ifindex && is_in_vrf(other, vrf) && first == (other.loopback || other.ifindex == vrf))
        add_usable(other, family_, true, candidates_);
  std::erase_if(candidates_, [&](const Candidate& candidate) {
    return candidate.borrowed && any_contains(pods, candidate.address->address);
  });
}

std::optional<Address> SourceChoice::usual() const {
  static const Cidr everywhere[] = {Cidr::parse("0.0.0.0/0").value(), Cidr::parse("::/0").value()};
  return toward(everywhere[family_ == Family::ipv4 ? 0 : 1], std::nullopt);
}

std::optional<Address> SourceChoice::toward(const Cidr& destinations, const std::optional<Address>& next_hop) const {
  const auto beside = next_hop.value_or(destinations.address());
  const bool knows_neighbour = next_hop || destinations.length() > 0;
  // A smaller rank is better.
  const auto rank4 = [&](const LinkAddress& address) {
    const bool shares = knows_neighbour && Cidr(address.address, address.prefix_length).contains(beside);
    return std::tuple(address.deprecated, address.secondary, shares ? 0 : 1);
  };
  const auto label = label_of(destinations);
  const auto rank6 = [&](const Candidate& candidate) {
    const auto& address = *candidate.address;
    const auto matching =
        std::min({common_bits(address.address, destinations.address()), destinations.length(), address.prefix_length});
    return std::tuple(address.deprecated, candidate.borrowed, label_of(Cidr::host(address.address)) != label,
                      address.secondary != prefers_temporary_, -matching);
  };
  const auto is_better = [&](const Candidate& one, const Candidate& other) {
    return family_ == Family::ipv4 ? rank4(*one.address) < rank4(*other.address) : rank6(one) < rank6(other);
  };
  const auto best = std::ranges::min_element(candidates_, is_better);
  return best == candidates_.end() ? std::nullopt : std::optional(best->address->address);
}

std::vector<Cidr> SourceChoice::boundaries() const {
  std::vector<Cidr> prefixes;
  if (family_ == Family::ipv4 || candidates_.size() < 2) return prefixes;
  for (const auto& [prefix, label] : label_table())
    if (prefix.length() > 0) prefixes.push_back(prefix);
  for (const auto& [one, one_is_borrowed] : candidates_)
    for (const auto& [other, other_is_borrowed] : candidates_)
      if (const auto shared = common_bits(one->address, other->address); shared < one->prefix_length)
        prefixes.emplace_back(one->address, shared + 1);
  return prefixes;
}

std::optional<Address> external_address(const Link& link, Family family, const Node& node,
                                        const std::vector<const Route*>& routes, const std::vector<Cidr>& pods) {
  const auto* const route = best_default_route(routes, family);
  if (route != nullptr && route->preferred_source) {
    const auto* const preferred = find_own_address(node, *route->preferred_source);
    if (preferred != nullptr && is_usable(*preferred)) return preferred->address;
  }
  const SourceChoice choice(link, family, node, routes, pods);
  if (route == nullptr || family == Family::ipv6 || !route->gateway || route->gateway->family() != family)
    return choice.usual();
  return choice.toward(route->destination, route->gateway);
}

}  // namespace masq
