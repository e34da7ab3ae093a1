// SPDX-License-Identifier: Apache-2.0
#include "model/pod_devices.hpp"

#include <algorithm>
#include <cstdint>
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

// A multipath route is a Route for each of its next hops.
void add_multipath(const Node& node, const std::vector<Cidr>& pods, std::set<Pair>& pairs) {
  std::map<std::tuple<std::uint32_t, Cidr, std::uint32_t>, std::vector<int>> hops;
  for (const auto& route : node.routes)
    if (leads_toward(route, pods)) hops[{route.table, route.destination, route.metric}].push_back(route.ifindex);
  for (const auto& [route, devices] : hops)
    for (const auto one : devices)
      for (const auto other : devices) add_pair(one, other, pairs);
}

}  // namespace

PodDevices pod_devices(const Node& node, const std::vector<Cidr>& pods) {
  const DeviceRoles roles(node, pods);
  PodDevices found;
  std::set<Pair> pairs;
  for (const auto& link : node.links) {
    if (!is_port(link) && roles.is_device_of_a_pod(link)) found.single.push_back(link.ifindex);
    if (link.master_kind == "vrf") add_pair(link.ifindex, link.master, pairs);
  }
  std::ranges::sort(found.single);
  add_multipath(node, pods, pairs);
  found.pairs.assign(pairs.begin(), pairs.end());
  return found;
}

}  // namespace masq
