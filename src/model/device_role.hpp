// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unordered_map>
#include <vector>

#include "base/cidr.hpp"
#include "model/node.hpp"

namespace masq {

// What a device is for the pods of this node, according to its kind and to the routes.
class DeviceRoles {
 public:
  // `pods`: the source set of both families. `node` must outlive the object.
  DeviceRoles(const Node& node, std::vector<Cidr> pods);

  using Routes = std::vector<const Route*>;
  // The routes that use the device, in the order of the node's facts.
  const Routes& routes_of(const Link& link) const;

  // Returns true if the device may become an uplink, whatever its state and its routes: it is no loopback, no member
  // of a bridge or bond, no device of one pod, and no device that holds addresses only.
  bool can_be_uplink(const Link& link) const;

  // Returns true if a default route of this family uses the device (is_default()). A route to a pod that is a gateway
  // for other pods does not count, unless it is in the main table.
  bool has_default_route(const Link& link, Family family) const;

  // Returns true if the device leads to pods of this node: a connected route to a part of the pod CIDRs, a gateway
  // inside them, an address inside them, or a name that container networks use.
  bool leads_to_pods(const Link& link) const;

  // The same without the name: packets of pods arrive here.
  bool has_pods(const Link& link) const;

  // Returns true if a route of this family leads from the device to destinations outside the pod CIDRs.
  bool leads_outside(const Link& link, Family family) const;

  // Returns true if one pod alone is behind the device: its name, or a pair or tap with a host route to a pod.
  bool is_device_of_a_pod(const Link& link) const;

  // Returns true if a host route to a pod uses the device, which is a pair or tap.
  bool has_route_to_one_pod(const Link& link) const;

  // Returns true if packets of other machines arrive by the device: it is no pod's, and does not only lead to pods.
  bool may_lead_outside(const Link& link) const;

  // Returns true for a bridge whose ports all belong to containers, virtual machines or tunnels, and that has no
  // default route.
  bool is_container_bridge(const Link& link) const;

 private:
  bool has_outside_port(const Link& bridge) const;
  bool has_inside_ports_only(const Link& link) const;
  bool may_be_of_guests(const Link& link, const Cidr& destination) const;
  bool is_inside(const Cidr& destination) const;
  bool is_inside(const Address& address) const { return is_inside(Cidr::host(address)); }
  bool is_gateway(const Link& link, const Address& address) const;

  const Node& node_;
  std::vector<Cidr> pods_;                  // sorted, none inside another
  std::unordered_map<int, Routes> routes_;  // by ifindex: a node may have a million routes
};

// Returns true for 0.0.0.0/0 and ::/0, halves of them (as VPN programs add them), and 2000::/3.
bool is_default(const Cidr& destination);

// A member of a bridge, bond or team has no addresses of its own, because its master handles the packets. A member of
// a VRF has addresses.
bool is_port(const Link& link);

}  // namespace masq
