// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/port_range.hpp"
#include "model/config.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"
#include "model/pod_cidrs.hpp"
#include "model/pod_devices.hpp"

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

// Returns the word for the decision in `masq explain`, logs and JSON: "pod CIDR", "native routing CIDR", …
std::string_view to_string(Decision decision);

// The decision for destinations inside `destination`, unless a longer prefix of the same list matches.
struct PolicyRule {
  Cidr destination;
  Decision decision = Decision::masquerade;
  auto operator<=>(const PolicyRule&) const = default;
};

// A device on which masq masquerades.
struct Uplink {
  int ifindex = 0;
  std::string name;
  bool ethernet = true;  // packets at its tc hooks start with an Ethernet header
  // External addresses, best first; several are a pool. If empty, packets that need an address are dropped.
  std::vector<Address> ipv4;
  std::vector<Address> ipv6;
  bool operator==(const Uplink&) const = default;
};

// A device that is no uplink, but concerns masq.
struct SideDevice {
  int ifindex = 0;
  std::string name;
  bool ethernet = true;
  auto operator<=>(const SideDevice&) const = default;
};

// The most source CIDRs; the map of the sources in the kernel has this many entries, and those of own_inside.
constexpr std::size_t max_pod_cidrs = 65536;

// Destinations whose packets get another source address than the usual one of the device.
struct SourceRoute {
  Cidr destination;
  std::string device;
  Address source;
  bool operator==(const SourceRoute&) const = default;
};

// The part of the desired state for one address family.
struct FamilyPolicy {
  bool enabled = true;
  std::vector<Cidr> sources;           // the source set; sorted. Destinations inside it need no rule
  std::vector<Address> own_inside;     // the node's own addresses inside the source set, which are no sources; sorted
  std::vector<PolicyRule> rules;       // sorted by destination; longest prefix decides; no match: masquerade
  std::vector<Cidr> shown_exclusions;  // exclusions in `masq status`: native routing CIDRs, else pod CIDRs
  bool operator==(const FamilyPolicy&) const = default;
};

// The required state of the kernel. If it equals the applied state, no work remains.
struct Desired {
  std::vector<Uplink> uplinks;  // sorted by name
  // Devices that may become uplinks at any moment: down, or without a route. If one was an uplink, the programs stay
  // attached and drop packets that must be masqueraded, so that nothing leaks before masqd processes its return. Its
  // mappings stay too. Sorted.
  std::vector<SideDevice> standby;
  // Devices other than the uplinks by which packets from outside may arrive: connections to a pod's own address, and
  // replies that take another way (decision 0014). Sorted.
  std::vector<SideDevice> inbound;
  // Bridges with pods on them, whose packets are compared with the neighbours' MAC addresses (bpf). Sorted.
  std::vector<SideDevice> bridges;
  PodDevices pod_devices;
  std::vector<PodCidr> pod_cidrs;  // the source set as found, with its origin
  FamilyPolicy ipv4;
  FamilyPolicy ipv6;
  bool ip_masq_agent = false;
  // For `masq bpf ipmasq list`: sorted, IPv4 first; `masquerade` marks an entry of masqueradeCIDRs.
  IpMasqAgent ip_masq_agent_rules;
  KernelOptions kernel;
  // Destinations with another address than the uplink's first; longest first. With kernel.route_source they are for
  // datapaths without a route look-up per packet.
  std::vector<SourceRoute> source_routes;
  std::vector<PortRange>
      ports;  // external ports are chosen from these; normalised; empty: TCP and UDP packets are dropped
  // Further ports that a pod's own port may be kept at. Those of a class below 1024 are also chosen, for the source
  // ports of the class (model/mapped_ports.hpp). Normalised, disjoint from `ports`.
  std::vector<PortRange> kept_ports;
  std::uint32_t max_mappings = 524288;
  std::uint32_t max_mappings_per_pod = 131072;
  // External addresses that the node does not have now. Connections of an `unavailable` address wait for its return;
  // connections of a `lost` address end. Both sorted.
  std::vector<Address> unavailable;
  std::vector<Address> lost;
  // What keeps this state from being all that the configuration wants, and hints: "eth1: no usable IPv4 address", …
  std::vector<Finding> findings;
  bool operator==(const Desired&) const = default;

  const FamilyPolicy& family(Family f) const { return f == Family::ipv4 ? ipv4 : ipv6; }
};

// Pure and total. If the configuration and the node contradict each other, the result is the best state that is
// possible, and `findings` has the contradiction ("masquerade-address: 10.1.1.1 is not an address of this node"). What
// cannot be masqueraded is dropped.
Desired decide(const Config& config, const Node& node);

// Evaluates the datapath's decision in user space, for a packet from a pod to `destination`.
Decision decide_destination(const FamilyPolicy& policy, const Address& destination);

}  // namespace masq
