// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/port_range.hpp"
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
// uplinks' addresses. An uplink without an address has no rule, and without
// ports there is none; another chain drops the packets.
std::vector<SnatRule> snat_rules(const Desired& desired, Family family);

// The ports of TCP and UDP that a source port may get. netfilter accepts one range per rule, keeps a port inside it
// that is free, and chooses another port of it otherwise. The first matching rule applies.
struct PortRule {
  std::optional<PortRange> sources;  // absent: all source ports
  PortRange external;
  bool operator==(const PortRule&) const = default;
};

// Returns the rules in their order; the last one has no `sources`. A port inside one of several ranges stays in its
// range, and any other gets a port of the largest range. Each class of ports below 1024 has ranges of its own. Random
// ports are of the largest range.
std::vector<PortRule> port_rules(const Desired& desired);

}  // namespace masq::netfilter
