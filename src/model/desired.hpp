// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/port_range.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/node.hpp"

namespace masq {

// The decision for a packet of the source set toward a destination, and the fact that causes it.
enum class Decision : std::uint8_t {
  masquerade,
  exclude_broadcast,       // a subnet's broadcast address
  exclude_pod_cidr,        // inside the pod CIDRs
  exclude_native_routing,  // inside ipv4-native-routing-cidr / ipv6-native-routing-cidr
  exclude_ip_masq_agent,   // inside nonMasqueradeCIDRs or an excluded link-local range
  exclude_node,            // another node's address
  exclude_own_address,     // an address of this node
};

// The word for it in `masq explain`, logs and JSON: "pod CIDR", "native routing CIDR", …
std::string_view to_string(Decision decision);

// Destinations inside `destination` are decided so, unless a longer prefix of the same list says otherwise.
struct PolicyRule {
  Cidr destination;
  Decision decision = Decision::masquerade;
  auto operator<=>(const PolicyRule&) const = default;
};

// A device on which we masquerade.
struct Uplink {
  int ifindex = 0;
  std::string name;
  bool ethernet = true;  // packets at its tc hooks begin with an Ethernet header
  // The addresses that packets leave under, best first; more than one is a pool. Empty: none is usable now,
  // packets that would need one are dropped.
  std::vector<Address> ipv4;
  std::vector<Address> ipv6;
  bool operator==(const Uplink&) const = default;
};

// A device that is no uplink now but may become one at any moment: it is down, or has no address or no route. The
// programs of one that was an uplink stay on it: what cannot be masqueraded is dropped, so that nothing leaks between
// its return and our hearing of it, and its mappings outlive the absence.
struct RestingDevice {
  int ifindex = 0;
  std::string name;
  bool ethernet = true;
  auto operator<=>(const RestingDevice&) const = default;
};

// A route whose packets leave under another address than the device's others.
struct SourceRoute {
  Cidr destination;
  std::string device;
  Address source;
  bool operator==(const SourceRoute&) const = default;
};

// The part of the desired state for one address family.
struct FamilyPolicy {
  bool enabled = true;
  std::vector<Cidr> sources;           // the source set; sorted. Destinations inside are left before any rule
  std::vector<PolicyRule> rules;       // sorted by destination; longest prefix decides; no match: masquerade
  std::vector<Cidr> shown_exclusions;  // what `masq status` prints: native routing CIDRs, else pod CIDRs
  bool operator==(const FamilyPolicy&) const = default;
};

// The required state of the kernel. If it equals the applied state, no work remains.
struct Desired {
  std::vector<Uplink> uplinks;         // sorted by name
  std::vector<RestingDevice> resting;  // sorted
  FamilyPolicy ipv4;
  FamilyPolicy ipv6;
  bool ip_masq_agent = false;
  // For `masq bpf ipmasq list`: sorted, IPv4 first; `masquerade` marks an entry of masqueradeCIDRs.
  IpMasqAgent ip_masq_agent_rules;
  bool route_source = false;
  std::vector<SourceRoute> source_routes;  // with route_source, for those who cannot ask at each packet: longest first
  bool random_fully = false;
  std::vector<PortRange> ports;  // mapped source ports; normalised, never empty
  std::uint32_t max_mappings = 524288;
  std::uint32_t max_mappings_per_pod = 131072;
  NatTimeouts timeouts;
  // External addresses that the node does not have now. Connections of an `unavailable` address wait for its return;
  // connections of a `lost` address end. Both sorted.
  std::vector<Address> unavailable;
  std::vector<Address> lost;
  // Hints for the operator that are no errors: "eth1: no usable IPv4 address", …
  std::vector<std::string> notes;
  bool operator==(const Desired&) const = default;

  const FamilyPolicy& family(Family f) const { return f == Family::ipv4 ? ipv4 : ipv6; }
};

// Pure and total but for contradictions between the configuration and the node ("masquerade-address 10.1.1.1 is
// not an address of this node", "nat-port-range leaves no port").
Result<Desired> decide(const Config& config, const Node& node);

// The predicate of the datapath in user space: what happens to a packet from a pod to `destination`.
Decision decide_destination(const FamilyPolicy& policy, const Address& destination);

}  // namespace masq
