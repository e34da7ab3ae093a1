// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/desired.hpp"

namespace masq::netfilter {

// The external address of packets to a destination through a device. The first matching rule applies.
struct SnatRule {
  std::string device;
  std::optional<Cidr> destination;  // absent: all destinations
  // The rule applies to the `share`th of `shares` parts of the pods, by a hash of their address, so that a pod keeps
  // its address of a pool.
  unsigned share = 0;
  unsigned shares = 1;
  Address external;
  bool operator==(const SnatRule&) const = default;
};

// Returns the rules of one family in their order: routes with another source address (longest prefix first), then the
// uplinks' addresses. An uplink without an address has no rule; another chain drops its packets.
std::vector<SnatRule> snat_rules(const Desired& desired, Family family);

// Returns the largest range. netfilter accepts one range per rule: a port inside one of `ports` stays in its range, and
// any other gets a port of the largest range.
PortRange largest(const std::vector<PortRange>& ports);

}  // namespace masq::netfilter
