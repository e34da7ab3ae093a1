// SPDX-License-Identifier: Apache-2.0
#include "model/external_address.hpp"

#include <optional>
#include <tuple>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

// Of several default routes the kernel uses the first one with the lowest metric.
const Route* best_default_route(const Link& link, Family family, const Node& node) {
  const Route* best = nullptr;
  for (const auto& route : node.routes) {
    if (route.ifindex != link.ifindex || route.destination.length() != 0 || route.destination.family() != family)
      continue;
    if (best == nullptr || route.metric < best->metric) best = &route;
  }
  return best;
}

bool is_unique_local(const Address& address) {
  return address.family() == Family::ipv6 && (address.bytes()[0] & 0xfe) == 0xfc;
}

// A smaller rank is better.
auto rank(const LinkAddress& candidate, const std::optional<Address>& gateway) {
  const bool reaches_gateway = gateway && Cidr(candidate.address, candidate.prefix_length).contains(*gateway);
  return std::tuple(candidate.secondary, !reaches_gateway, is_unique_local(candidate.address));
}

}  // namespace

bool is_usable(const LinkAddress& candidate) {
  const auto& address = candidate.address;
  return candidate.scope_global && !candidate.tentative && !candidate.deprecated && !address.is_link_local() &&
         !address.is_loopback() && !address.is_multicast() && !address.is_unspecified();
}

const LinkAddress* find_own_address(const Node& node, const Address& address) {
  for (const auto& link : node.links)
    for (const auto& candidate : link.addresses)
      if (candidate.address == address) return &candidate;
  return nullptr;
}

std::optional<Address> external_address(const Link& link, Family family, const Node& node) {
  const auto* const route = best_default_route(link, family, node);
  if (route != nullptr && route->preferred_source) {
    const auto* const preferred = find_own_address(node, *route->preferred_source);
    if (preferred != nullptr && is_usable(*preferred)) return preferred->address;
  }
  const auto gateway = route != nullptr ? route->gateway : std::nullopt;
  const LinkAddress* best = nullptr;
  for (const auto& candidate : link.addresses) {
    if (candidate.address.family() != family || !is_usable(candidate)) continue;
    if (best == nullptr || rank(candidate, gateway) < rank(*best, gateway)) best = &candidate;
  }
  return best == nullptr ? std::nullopt : std::optional(best->address);
}

}  // namespace masq
