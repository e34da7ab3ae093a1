// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <vector>

#include "base/cidr.hpp"
#include "model/node.hpp"

namespace masq {

// What the bpf datapath must know to tell whether a packet comes from where its source is.
struct PodDevices {
  struct Pair {
    int one = 0;
    int other = 0;
    auto operator<=>(const Pair&) const = default;
  };
  std::vector<int> single;  // ifindexes of devices that have one pod behind them; sorted
  // Devices by either of which the packets of a source may arrive: next hops of one route toward pods, and a VRF and
  // its members. Both orders; sorted.
  std::vector<Pair> pairs;
  bool operator==(const PodDevices&) const = default;
};

PodDevices pod_devices(const Node& node, const std::vector<Cidr>& pods);

}  // namespace masq
