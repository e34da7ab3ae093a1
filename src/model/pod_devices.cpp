// SPDX-License-Identifier: Apache-2.0
#include "model/pod_devices.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "base/cidr.hpp"
#include "model/device_role.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

using Pair = PodDevices::Pair;

bool leads_toward(const Route& route, const std::vector<Cidr>& pods) {
  return std::ranges::any_of(
      pods, [&](const Cidr& pod) { return pod.contains(route.destination) || route.destination.contains(pod); });
}

void add_pair(int one, int other, std::set<Pair>& pairs) {
  if (one == other) return;
  pairs.insert({.one = one, .other = other});
  pairs.insert({.one = other, .other = one});
}

bool is_own(const Node& node, const Cidr& destination) {
  return std::ranges::any_of(node.links, [&](const Link& link) {
    return std::ranges::any_of(link.addresses,
                               [&](const LinkAddress& own) { return destination == Cidr::host(own.address); });
  });
}

// A multipath route is a Route for each of its next hops. The node's own address on several devices (a gateway of pods)
// has a route by each of them for IPv6, which is none: the table local precedes it.
void add_multipath(const Node& node, const std::vector<Cidr>& pods, std::set<Pair>& pairs) {
  std::map<std::tuple<std::uint32_t, Cidr, std::uint32_t>, std::vector<int>> hops;
  for (const auto& route : node.routes)
    if (leads_toward(route, pods)) hops[{route.table, route.destination, route.metric}].push_back(route.ifindex);
  std::erase_if(hops,
                [&](const auto& hop) { return hop.second.size() < 2 || is_own(node, std::get<Cidr>(hop.first)); });
  for (const auto& [route, devices] : hops)
    for (const auto one : devices)
      for (const auto other : devices) add_pair(one, other, pairs);
}

void sort_once(std::vector<Cidr>& cidrs) {
  std::ranges::sort(cidrs);
  const auto repeated = std::ranges::unique(cidrs);
  cidrs.erase(repeated.begin(), repeated.end());
}

// If a prefix is in both lists, in different tables, it counts as a route of many: packets are not dropped then.
void add_routes(const Node& node, const std::vector<Cidr>& pods, const std::set<int>& owned, PodDevices& found) {
  std::vector<Cidr> others;
  for (const auto& route : node.routes)
    if (leads_toward(route, pods))
      (owned.contains(route.ifindex) ? others : found.routes_of_many).push_back(route.destination);
  sort_once(found.routes_of_many);
  std::ranges::copy_if(others, std::back_inserter(found.others_inside), [&](const Cidr& other) {
    return std::ranges::any_of(found.routes_of_many,
                               [&](const Cidr& many) { return many != other && many.contains(other); }) &&
           !std::ranges::binary_search(found.routes_of_many, other);
  });
  sort_once(found.others_inside);
}

}  // namespace

PodDevices pod_devices(const Node& node, const std::vector<Cidr>& pods, const std::set<int>& uplinks) {
  const DeviceRoles roles(node, pods);
  PodDevices found;
  std::set<Pair> pairs;
  for (const auto& link : node.links) {
    if (!is_port(link) && roles.is_device_of_a_pod(link))
      found.single.push_back(
          {.ifindex = link.ifindex, .name = link.name, .has_route = roles.has_route_to_one_pod(link)});
    if (link.master_kind == "vrf") add_pair(link.ifindex, link.master, pairs);
  }
  std::ranges::sort(found.single);
  add_multipath(node, pods, pairs);
  found.pairs.assign(pairs.begin(), pairs.end());
  for (const auto& link : node.links)
    if (std::ranges::any_of(found.pairs, [&](const Pair& pair) { return pair.one == link.ifindex; }))
      found.shared.push_back(link.name);
  std::ranges::sort(found.shared);
  auto owned = uplinks;
  for (const auto& device : found.single) owned.insert(device.ifindex);
  add_routes(node, pods, owned, found);
  return found;
}

}  // namespace masq
