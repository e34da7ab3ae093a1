// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/desired.hpp"

namespace masq {

// The external address of packets that leave by a device, to a destination. The first rule that matches applies.
struct SnatRule {
  std::string device;
  std::optional<Cidr> destination;  // absent: every one
  // Of the pods, by a hash of their address, the `share`th of `shares` parts: a pod keeps its address of a pool.
  unsigned share = 0;
  unsigned shares = 1;
  Address external;
  bool operator==(const SnatRule&) const = default;
};

// The rules of one family, in the order in which they apply: routes with a source of their own (longest prefix
// first), then the uplinks' addresses. An uplink without an address has none: its packets are dropped elsewhere.
std::vector<SnatRule> snat_rules(const Desired& desired, Family family);

// netfilter takes one range of ports in a rule: a port inside one of `ports` stays in that range, every other gets one
// of the largest.
PortRange largest(const std::vector<PortRange>& ports);

}  // namespace masq
