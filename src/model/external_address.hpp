// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/node.hpp"

namespace masq {

// The kernel's choice of a source address for packets that leave through one device.
//
// Candidates are the device's usable addresses. If it has none (for IPv6: none that is not deprecated) but a route of
// the family (an unnumbered device: the kernel removes the routes with the last IPv4 address), those of its VRF, of the
// loopback, and of the other devices follow, in this order, but never one inside the pod CIDRs. The kernel's order of
// the addresses decides between equals; their numeric order never does.
//   IPv4 (inet_select_addr()): a primary address, first one whose subnet contains the next hop.
//   IPv6 (RFC 6724 5): not deprecated, on the device, the label of the destination (fc00::/7 toward fc00::/7),
//   temporary or public as the system prefers, the longest matching prefix.
class SourceChoice {
 public:
  // `routes`: those that use the device.
  SourceChoice(const Link& link, Family family, const Node& node, const std::vector<const Route*>& routes,
               const std::vector<Cidr>& pods);

  // Without a known destination.
  std::optional<Address> usual() const;
  // For all destinations of this prefix that are in no longer prefix of boundaries(). `next_hop`: the IPv4 gateway of
  // their route; absent: none.
  std::optional<Address> toward(const Cidr& destinations, const std::optional<Address>& next_hop) const;
  // The prefixes at which the choice may change, in addition to those of routes.
  std::vector<Cidr> boundaries() const;

 private:
  struct Candidate {
    const LinkAddress* address;
    bool borrowed;  // from another device
  };

  void borrow(const Link& link, const Node& node, const std::vector<Cidr>& pods);

  std::vector<Candidate> candidates_;
  Family family_;
  bool prefers_temporary_;
};

// The source address of `family` for packets through `link` toward destinations of its default route: the preferred
// source of that route (RTA_PREFSRC), on any device, else the kernel's choice. `routes`: those that use the device.
std::optional<Address> external_address(const Link& link, Family family, const Node& node,
                                        const std::vector<const Route*>& routes, const std::vector<Cidr>& pods);

// Returns true if packets may have this source address now. A link-local, loopback or tentative address, or an address
// of less than site scope, is never used; a deprecated one only if there is no other.
bool is_usable(const LinkAddress& address);

// Returns the address as the node has it, on any device, or null if it is not an address of this node.
const LinkAddress* find_own_address(const Node& node, const Address& address);

}  // namespace masq
