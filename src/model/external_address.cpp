// SPDX-License-Identifier: Apache-2.0
#include "model/external_address.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

// Of several default routes the kernel uses the first one with the lowest metric.
const Route* best_default_route(const std::vector<const Route*>& routes, Family family) {
  const Route* best = nullptr;
  for (const auto* route : routes)
    if (route->destination.length() == 0 && route->destination.family() == family &&
        (best == nullptr || route->metric < best->metric))
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

void add_usable(const Link& link, Family family, std::vector<const LinkAddress*>& candidates) {
  for (const auto& candidate : link.addresses)
    if (candidate.address.family() == family && is_usable(candidate)) candidates.push_back(&candidate);
}

// The candidates of an unnumbered device: the VRF's own or the loopback's first.
std::vector<const LinkAddress*> borrowed(const Link& link, Family family, const Node& node,
                                         const std::vector<Cidr>& pods) {
  const auto vrf = vrf_of(link);
  std::vector<const LinkAddress*> candidates;
  for (const bool first : {true, false})
    for (const auto& other : node.links)
      if (is_in_vrf(other, vrf) && first == (other.loopback || other.ifindex == vrf))
        add_usable(other, family, candidates);
  std::erase_if(candidates, [&](const LinkAddress* candidate) { return any_contains(pods, candidate->address); });
  return candidates;
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
  add_usable(link, family, candidates_);
  const bool is_used =
      std::ranges::any_of(routes, [&](const Route* route) { return route->destination.family() == family; });
  if (candidates_.empty() && is_used) candidates_ = borrowed(link, family, node, pods);
}

std::optional<Address> SourceChoice::usual() const {
  static const Cidr everywhere[] = {Cidr::parse("0.0.0.0/0").value(), Cidr::parse("::/0").value()};
  return toward(everywhere[family_ == Family::ipv4 ? 0 : 1], std::nullopt);
}

std::optional<Address> SourceChoice::toward(const Cidr& destinations, const std::optional<Address>& next_hop) const {
  const auto beside = next_hop.value_or(destinations.address());
  const bool knows_neighbour = next_hop || destinations.length() > 0;
  // A smaller rank is better.
  const auto rank4 = [&](const LinkAddress& candidate) {
    const bool shares = knows_neighbour && Cidr(candidate.address, candidate.prefix_length).contains(beside);
    return std::tuple(candidate.deprecated, candidate.secondary, shares ? 0 : 1, 0);
  };
  const auto label = label_of(destinations);
  const auto rank6 = [&](const LinkAddress& candidate) {
    const auto matching = std::min(
        {common_bits(candidate.address, destinations.address()), destinations.length(), candidate.prefix_length});
    return std::tuple(candidate.deprecated, label_of(Cidr::host(candidate.address)) != label,
                      candidate.secondary != prefers_temporary_ ? 1 : 0, -matching);
  };
  const LinkAddress* best = nullptr;
  for (const auto* candidate : candidates_) {
    const bool better = best == nullptr ||
                        (family_ == Family::ipv4 ? rank4(*candidate) < rank4(*best) : rank6(*candidate) < rank6(*best));
    if (better) best = candidate;
  }
  return best == nullptr ? std::nullopt : std::optional(best->address);
}

std::vector<Cidr> SourceChoice::boundaries() const {
  std::vector<Cidr> prefixes;
  if (family_ == Family::ipv4 || candidates_.size() < 2) return prefixes;
  for (const auto& [prefix, label] : label_table())
    if (prefix.length() > 0) prefixes.push_back(prefix);
  for (const auto* one : candidates_)
    for (const auto* other : candidates_)
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
