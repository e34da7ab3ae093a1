// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <set>
#include <string>
#include <vector>

#include "base/cidr.hpp"
#include "model/node.hpp"

namespace masq {

// What a datapath must know to tell whether a packet comes from where its source is.
struct PodDevices {
  // A device with one pod behind it. The name alone may say so; a host route to the pod proves it.
  struct Device {
    int ifindex = 0;
    std::string name;
    bool has_route = false;
    auto operator<=>(const Device&) const = default;
  };
  struct Pair {
    int one = 0;
    int other = 0;
    auto operator<=>(const Pair&) const = default;
  };
  std::vector<Device> single;  // sorted by ifindex
  // Devices by either of which the packets of a source may arrive: next hops of one route toward pods, and a VRF and
  // its members. Both orders; sorted.
  std::vector<Pair> pairs;
  std::vector<std::string> shared;  // the names of all devices in pairs; sorted
  // Routes toward pods by devices with several pods behind them (bridges, tunnels), and routes inside these by which
  // others than these pods are reached: uplinks, and devices of one pod. Sorted.
  std::vector<Cidr> routes_of_many;
  std::vector<Cidr> others_inside;
  bool operator==(const PodDevices&) const = default;
};

// `uplinks`: their ifindexes.
PodDevices pod_devices(const Node& node, const std::vector<Cidr>& pods, const std::set<int>& uplinks);

}  // namespace masq
