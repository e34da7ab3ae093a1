// SPDX-License-Identifier: Apache-2.0
#include "model/source_routes.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "base/address.hpp"
#include "model/desired.hpp"
#include "model/external_address.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

const Link* link_of(const Node& node, int ifindex) {
  const auto found = std::ranges::find(node.links, ifindex, &Link::ifindex);
  return found == node.links.end() ? nullptr : &*found;
}

// Returns the next hop: the gateway, or the destination itself.
std::optional<Address> neighbour(const Route& route) {
  if (route.gateway) return route.gateway;
  if (route.has_gateway || route.destination.length() == 0) return std::nullopt;
  return route.destination.address();
}

std::optional<Address> source_of(const Route& route, const Link& link, const Node& node) {
  if (route.preferred_source) {
    const auto* const own = find_own_address(node, *route.preferred_source);
    if (own != nullptr && !own->tentative) return own->address;  // the route selects it, even if deprecated
  }
  const auto beside = neighbour(route);
  for (const auto& candidate : link.addresses)
    if (beside && is_usable(candidate) && Cidr(candidate.address, candidate.prefix_length).contains(*beside))
      return candidate.address;
  return std::nullopt;
}

const Address* usual_address(const Uplink& uplink, Family family) {
  const auto& addresses = family == Family::ipv4 ? uplink.ipv4 : uplink.ipv6;
  return addresses.empty() ? nullptr : &addresses.front();
}

// Of several routes to one destination the kernel uses the one with the lowest metric.
std::vector<const Route*> in_order(const Node& node) {
  std::vector<const Route*> routes;
  for (const auto& route : node.routes) routes.push_back(&route);
  std::ranges::stable_sort(routes, {}, [](const Route* route) {
    return std::tuple(route->destination.length(), route->destination, route->ifindex, route->metric);
  });
  const auto covered = std::ranges::unique(routes, [](const Route* a, const Route* b) {
    return a->destination == b->destination && a->ifindex == b->ifindex;
  });
  routes.erase(covered.begin(), covered.end());
  return routes;
}

}  // namespace

std::vector<SourceRoute> source_routes(const Node& node, const std::vector<Uplink>& uplinks) {
  std::vector<SourceRoute> found;  // shortest prefix first
  for (const auto* const route : in_order(node)) {
    const auto uplink = std::ranges::find(uplinks, route->ifindex, &Uplink::ifindex);
    const auto* const link = link_of(node, route->ifindex);
    if (uplink == uplinks.end() || link == nullptr) continue;
    const auto source = source_of(*route, *link, node);
    if (!source) continue;
    const auto wider = std::ranges::find_if(found.rbegin(), found.rend(), [&](const SourceRoute& other) {
      return other.device == uplink->name && other.destination.contains(route->destination);
    });
    const auto* const usual = wider != found.rend() ? &wider->source : usual_address(*uplink, source->family());
    if (usual != nullptr && *usual == *source) continue;
    found.push_back({.destination = route->destination, .device = uplink->name, .source = *source});
  }
  std::ranges::reverse(found);
  return found;
}

}  // namespace masq
