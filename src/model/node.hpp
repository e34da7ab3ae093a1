// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/port_range.hpp"
#include "model/ip_masq_agent.hpp"

namespace masq {

// An address of a device, as `ip address` shows it.
struct LinkAddress {
  Address address;
  int prefix_length = 0;
  std::optional<Address> broadcast;  // IFA_BROADCAST
  bool scope_global = true;          // RT_SCOPE_UNIVERSE or RT_SCOPE_SITE
  bool secondary = false;            // IFA_F_SECONDARY (IPv4); for IPv6 the same bit means temporary (RFC 8981)
  bool tentative = false;            // IFA_F_TENTATIVE, IFA_F_DADFAILED or IFA_F_OPTIMISTIC
  bool deprecated = false;           // IFA_F_DEPRECATED
  bool operator==(const LinkAddress&) const = default;
};

constexpr std::uint16_t arphrd_ether = 1;  // ARPHRD_ETHER

struct Link {
  int ifindex = 0;
  std::string name;
  std::vector<std::string> alternative_names;  // IFLA_ALT_IFNAME: up to 127 characters
  std::string kind;                            // IFLA_INFO_KIND: "veth", "bridge", "tun", …; empty for physical devices
  std::uint16_t arp_type = 1;                  // ARPHRD_*: 1 Ethernet, 65534 none (TUN)
  bool up = false;                             // IFF_UP
  bool loopback = false;                       // IFF_LOOPBACK
  int master = 0;                              // ifindex of the bridge or bond, 0: none
  std::string master_kind;                     // kind of that device
  std::uint32_t vrf_table = 0;                 // the table of a VRF device (kind "vrf")
  int rp_filter = 0;                           // in force for IPv4: 0 off, 1 strict, 2 loose (ip-sysctl.rst)
  bool forwards_ipv4 = true;           // net.ipv4.conf.DEVICE.forwarding: packets that arrive here are forwarded
  bool forwards_ipv6 = true;           // net.ipv6.conf.all.forwarding: the kernel has no switch for one device
  bool prefers_temporary = false;      // net.ipv6.conf.DEVICE.use_tempaddr is 2 (RFC 8981)
  std::vector<LinkAddress> addresses;  // in the kernel's order
  bool operator==(const Link&) const = default;
};

constexpr std::uint32_t main_table = 254;  // RT_TABLE_MAIN

// A unicast route of a table that a routing rule selects.
struct Route {
  Cidr destination;  // 0.0.0.0/0 or ::/0: default
  int ifindex = 0;   // each next hop of a multipath route, or of a next-hop object, is a Route of its own
  std::uint32_t table = main_table;
  std::uint32_t table_rank = 0;  // if several tables have the destination, the smallest rank decides
  std::uint32_t metric = 0;
  bool scope_link = false;  // directly connected
  bool has_gateway = false;
  std::optional<Address> preferred_source;  // RTA_PREFSRC
  std::optional<Address> gateway;           // RTA_GATEWAY, or RTA_VIA: an IPv4 route may have an IPv6 one (RFC 8950)
  bool operator==(const Route&) const = default;
};

struct Memory {
  std::uint64_t total = 0;  // of the node, in bytes; 0: not known
  std::uint64_t limit = 0;  // of the cgroups of masqd, in bytes; 0: none
  bool operator==(const Memory&) const = default;
};

// All facts about the node that the decision needs, read as whole snapshots.
struct Node {
  std::vector<Link> links;
  std::vector<Route> routes;
  PortRange local_port_range{32768, 60999};     // net.ipv4.ip_local_port_range
  std::vector<PortRange> local_reserved_ports;  // net.ipv4.ip_local_reserved_ports
  Memory memory;
  std::vector<Cidr> cni_pod_cidrs;  // from the CNI configuration; empty: none found
  // From the API of Kubernetes; empty without it.
  std::vector<Cidr> k8s_pod_cidrs;          // this node's spec.podCIDRs
  std::vector<Cidr> k8s_other_pod_cidrs;    // of the other nodes
  std::vector<Address> k8s_node_addresses;  // of the other nodes
  std::size_t k8s_nodes = 0;                // this one and the others
  std::string k8s_missing_node;             // the name of this node, if the API has no such node
  // The ip-masq-agent's last valid file (or the defaults without a file); absent: the agent is off.
  std::optional<IpMasqAgent> ip_masq_agent;
  bool operator==(const Node&) const = default;
};

}  // namespace masq
