// SPDX-License-Identifier: Apache-2.0
#include "model/source_routes.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/desired.hpp"
#include "model/device_role.hpp"
#include "model/external_address.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

using Routes = std::vector<const Route*>;

// Of several routes to one destination, packets take the one with the smallest rank of its table, then with the lowest
// metric. Sorted: a prefix comes directly
// before all prefixes inside it.
Routes routes_of(const Routes& all, Family family) {
  Routes routes;
  for (const auto* route : all)
    if (route->destination.family() == family) routes.push_back(route);
  std::ranges::stable_sort(
      routes, {}, [](const Route* route) { return std::tuple(route->destination, route->table_rank, route->metric); });
  const auto covered = std::ranges::unique(routes, {}, &Route::destination);
  routes.erase(covered.begin(), covered.end());
  return routes;
}

// The source addresses through one uplink, by destination.
class SourcesOfUplink {
 public:
  SourcesOfUplink(const Uplink& uplink, const Link& link, Family family, const Node& node, const Routes& routes,
                  bool route_source, const std::vector<Cidr>& pods)
      : uplink_(uplink),
        family_(family),
        node_(node),
        routes_(routes_of(routes, family)),
        route_source_(route_source),
        choice_(link, family, node, routes, pods) {}

  // A stack holds the prefixes that contain the current one, the innermost on top.
  void append_to(std::vector<SourceRoute>& found) const {
    const auto usual = usual_address();
    if (!usual) return;
    std::map<Cidr, const Route*> prefixes;
    for (const auto& boundary : choice_.boundaries()) prefixes.emplace(boundary, nullptr);
    for (const auto* route : routes_) prefixes[route->destination] = route;
    std::vector<Enclosing> around;
    for (const auto& [prefix, own_route] : prefixes) {
      while (!around.empty() && !around.back().prefix.contains(prefix)) around.pop_back();
      const auto* const route = own_route != nullptr ? own_route : around.empty() ? nullptr : around.back().route;
      const auto outer = around.empty() ? *usual : around.back().source;
      const auto source = source_of(prefix, route).value_or(outer);
      around.push_back({prefix, route, source});
      if (source != outer) found.push_back({.destination = prefix, .device = uplink_.name, .source = source});
    }
  }

 private:
  struct Enclosing {
    Cidr prefix;
    const Route* route;
    Address source;
  };

  std::optional<Address> usual_address() const {
    const auto& addresses = family_ == Family::ipv4 ? uplink_.ipv4 : uplink_.ipv6;
    return addresses.empty() ? std::nullopt : std::optional(addresses.front());
  }

  // Masquerading ignores the preferred source of a route, except that of a default route.
  std::optional<Address> source_of(const Cidr& destinations, const Route* route) const {
    const bool preferred_counts = route != nullptr && (route_source_ || is_default(route->destination));
    if (preferred_counts && route->preferred_source) {
      const auto* const own = find_own_address(node_, *route->preferred_source);
      if (own != nullptr && is_usable(*own)) return own->address;
    }
    const auto gateway = route != nullptr && route->gateway && route->gateway->family() == family_
                             ? route->gateway
                             : std::optional<Address>();
    return choice_.toward(destinations, gateway);
  }

  const Uplink& uplink_;
  Family family_;
  const Node& node_;
  Routes routes_;
  bool route_source_;
  SourceChoice choice_;
};

}  // namespace

std::vector<SourceRoute> source_routes(const Node& node, const std::vector<Uplink>& uplinks, bool route_source,
                                       const std::vector<Cidr>& pods) {
  std::unordered_map<int, Routes> by_device;
  for (const auto& route : node.routes) by_device[route.ifindex].push_back(&route);
  std::unordered_map<int, const Link*> links;
  for (const auto& link : node.links) links[link.ifindex] = &link;
  std::vector<SourceRoute> found;
  for (const auto& uplink : uplinks) {
    const auto link = links.find(uplink.ifindex);
    if (link == links.end()) continue;
    for (const auto family : {Family::ipv4, Family::ipv6})
      SourcesOfUplink(uplink, *link->second, family, node, by_device[uplink.ifindex], route_source, pods)
          .append_to(found);
  }
  std::ranges::stable_sort(found, std::ranges::greater(),
                           [](const SourceRoute& route) { return route.destination.length(); });
  return found;
}

}  // namespace masq
