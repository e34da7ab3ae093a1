// SPDX-License-Identifier: Apache-2.0
#include "model/device_role.hpp"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/node.hpp"
#include "model/pod_cidrs.hpp"

namespace masq {
namespace {

bool begins_with_one_of(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// Devices that hold addresses of services and carry no packets.
bool holds_addresses_only(std::string_view name) {
  return is_one_of(name, {"kube-ipvs0", "nodelocaldns"});
}

// Cilium and Calico name a pod's device so.
bool is_pod_by_name(std::string_view name) {
  return begins_with_one_of(name, {"lxc", "cali"}) && !name.starts_with("lxcbr");
}

// Names of devices toward pods, on this node or through a tunnel to other nodes.
bool leads_to_pods_by_name(std::string_view name) {
  return is_one_of(name, {"kube-bridge", "tunl0", "weave", "antrea-gw0", "ovn-k8s-mp0"}) ||
         begins_with_one_of(name, {"lxcbr", "cni", "docker", "podman", "virbr", "cilium_", "flannel", "vxlan.calico",
                                   "wireguard.cali", "wg-v6.cali"});
}

// Container tools and hypervisors name the host's end of a guest's link so.
bool leads_to_guest_by_name(std::string_view name) {
  return begins_with_one_of(name, {"veth", "ve-", "vb-", "vnet", "tap", "macvtap", "fwpr", "eni", "gke", "azv"});
}

bool is_pair(const Link& link) {
  return link.kind == "veth" || link.kind == "netkit";
}

bool is_tap(const Link& link) {
  return link.kind == "tun" && link.arp_type == arphrd_ether;
}

// A port of a bridge that leads to containers, virtual machines, or bridges of other nodes. Any other one is a card, or
// a VLAN or bond of cards.
bool is_port_of_guests(const Link& link) {
  return is_pair(link) || is_one_of(link.kind, {"tun", "dummy", "vxlan", "geneve", "gretap", "ip6gretap"});
}

bool is_host(const Cidr& destination) {
  return destination.length() == (destination.family() == Family::ipv4 ? 32 : 128);
}

bool is_remote(const Cidr& destination) {
  const auto& address = destination.address();
  return !address.is_link_local() && !address.is_loopback() && !address.is_multicast();
}

}  // namespace

// 2000::/3 has all global unicast addresses of IPv6 (RFC 4291 2.4).
bool is_default(const Cidr& destination) {
  return destination.length() <= 1 || (destination.family() == Family::ipv6 && destination.length() <= 3);
}

bool is_port(const Link& link) {
  return link.master != 0 && link.master_kind != "vrf";
}

DeviceRoles::DeviceRoles(const Node& node, std::vector<Cidr> pods)
    : node_(node), pods_(without_nested(std::move(pods))) {
  for (const auto& route : node.routes) routes_[route.ifindex].push_back(&route);
}

const DeviceRoles::Routes& DeviceRoles::routes_of(const Link& link) const {
  static const Routes none;
  const auto found = routes_.find(link.ifindex);
  return found == routes_.end() ? none : found->second;
}

bool DeviceRoles::has_outside_port(const Link& bridge) const {
  return std::ranges::any_of(
      node_.links, [&](const Link& link) { return link.master == bridge.ifindex && !is_port_of_guests(link); });
}

bool DeviceRoles::has_inside_ports_only(const Link& link) const {
  return is_pair(link) || is_tap(link) || (link.kind == "bridge" && !has_outside_port(link));
}

// A subnet of guests does not show that its device leads outside. A pair or tap may be one host's, or this node's own
// link if the node is a container or a virtual machine of another one.
bool DeviceRoles::may_be_of_guests(const Link& link, const Cidr& destination) const {
  if (link.kind == "bridge") return has_inside_ports_only(link);
  return has_inside_ports_only(link) && (leads_to_guest_by_name(link.name) || is_host(destination));
}

// Of sorted prefixes that are apart, the last one at or before the destination is the only one that may contain it.
bool DeviceRoles::is_inside(const Cidr& destination) const {
  const auto after = std::ranges::upper_bound(pods_, destination);
  return after != pods_.begin() && std::prev(after)->contains(destination);
}

bool DeviceRoles::is_gateway(const Link& link, const Address& address) const {
  return std::ranges::any_of(routes_of(link), [&](const Route* route) { return route->gateway == address; });
}

bool DeviceRoles::is_device_of_a_pod(const Link& link) const {
  return is_pod_by_name(link.name) || has_route_to_one_pod(link);
}

// A host route to the gateway of another route leads to a router, not to a pod.
bool DeviceRoles::has_route_to_one_pod(const Link& link) const {
  if (!is_pair(link) && !is_tap(link)) return false;
  return std::ranges::any_of(routes_of(link), [&](const Route* route) {
    return !route->has_gateway && is_host(route->destination) && is_inside(route->destination) &&
           !is_gateway(link, route->destination.address());
  });
}

bool DeviceRoles::can_be_uplink(const Link& link) const {
  return !link.loopback && !is_port(link) && !holds_addresses_only(link.name) && !is_device_of_a_pod(link);
}

bool DeviceRoles::has_default_route(const Link& link, Family family) const {
  return std::ranges::any_of(routes_of(link), [&](const Route* route) {
    if (route->destination.family() != family || !is_default(route->destination)) return false;
    const bool by_pod = route->gateway && is_inside(*route->gateway) && has_inside_ports_only(link);
    return route->table == main_table || !by_pod;
  });
}

bool DeviceRoles::leads_to_pods(const Link& link) const {
  return leads_to_pods_by_name(link.name) || has_pods(link);
}

bool DeviceRoles::has_pods(const Link& link) const {
  return std::ranges::any_of(link.addresses,
                             [&](const LinkAddress& candidate) { return is_inside(candidate.address); }) ||
         std::ranges::any_of(routes_of(link), [&](const Route* route) {
           return route->gateway ? is_inside(*route->gateway) : !route->has_gateway && is_inside(route->destination);
         });
}

bool DeviceRoles::leads_outside(const Link& link, Family family) const {
  return std::ranges::any_of(routes_of(link), [&](const Route* route) {
    const auto& destination = route->destination;
    if (destination.family() != family) return false;
    if (is_default(destination)) return true;
    return is_remote(destination) && !is_inside(destination) &&
           (route->has_gateway || !may_be_of_guests(link, destination));
  });
}

bool DeviceRoles::may_lead_outside(const Link& link) const {
  return can_be_uplink(link) && !leads_to_pods(link) &&
         (!has_inside_ports_only(link) || leads_outside(link, Family::ipv4) || leads_outside(link, Family::ipv6));
}

bool DeviceRoles::is_container_bridge(const Link& link) const {
  return link.kind == "bridge" && !has_outside_port(link) && !has_default_route(link, Family::ipv4) &&
         !has_default_route(link, Family::ipv6);
}

}  // namespace masq
