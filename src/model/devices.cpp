// SPDX-License-Identifier: Apache-2.0
#include "model/devices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/external_address.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

constexpr std::uint16_t arphrd_ether = 1;

std::string_view to_word(Family family) {
  return family == Family::ipv4 ? "IPv4" : "IPv6";
}

bool is_enabled(const Config& config, Family family) {
  return family == Family::ipv4 ? config.enable_ipv4_masquerade : config.enable_ipv6_masquerade;
}

// Names that container networks give to devices toward pods, on this node or through a tunnel to other nodes.
bool leads_to_pods_by_name(std::string_view name) {
  constexpr std::string_view exact[] = {"kube-ipvs0", "kube-bridge", "nodelocaldns", "tunl0",
                                        "weave",      "antrea-gw0",  "ovn-k8s-mp0"};
  constexpr std::string_view prefixes[] = {"lxc",     "cali",    "cni",          "docker",         "podman",    "virbr",
                                           "cilium_", "flannel", "vxlan.calico", "wireguard.cali", "wg-v6.cali"};
  return std::ranges::find(exact, name) != std::end(exact) ||
         std::ranges::any_of(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_pair(const Link& link) {
  return link.kind == "veth" || link.kind == "netkit";
}

// A port of a bridge, bond or team has no addresses of its own, because its master handles the packets. A member of a
// VRF has addresses.
bool is_port(const Link& link) {
  return link.master != 0 && link.master_kind != "vrf";
}

// A bridge whose ports are all veth or tap devices serves pods or virtual machines. A bridge with any other port leads
// outside.
bool has_outside_port(const Link& bridge, const Node& node) {
  return std::ranges::any_of(node.links, [&](const Link& link) {
    return link.master == bridge.ifindex && !is_pair(link) && link.kind != "tun";
  });
}

// The connected subnet of such a device may be the pods' subnet, so it does not show that the device leads outside.
bool needs_route_beyond(const Link& link, const Node& node) {
  return is_pair(link) || (link.kind == "bridge" && !has_outside_port(link, node));
}

bool is_outside(const Cidr& destination, const std::vector<Cidr>& pods) {
  if (destination.length() == 0) return true;
  const auto& address = destination.address();
  if (address.is_link_local() || address.is_loopback() || address.is_multicast()) return false;
  return std::ranges::none_of(pods, [&](const Cidr& pod_cidr) { return pod_cidr.contains(destination); });
}

bool leads_outside(const Link& link, Family family, const Node& node, const std::vector<Cidr>& pods) {
  const bool beyond = needs_route_beyond(link, node);
  return std::ranges::any_of(node.routes, [&](const Route& route) {
    return route.ifindex == link.ifindex && route.destination.family() == family &&
           is_outside(route.destination, pods) && (!beyond || route.has_gateway || route.destination.length() == 0);
  });
}

// A tentative address counts: an uplink that waits for its address drops packets, instead of leaking pod addresses.
bool has_global_address(const Link& link, Family family) {
  return std::ranges::any_of(link.addresses, [&](const LinkAddress& candidate) {
    const auto& address = candidate.address;
    return address.family() == family && candidate.scope_global && !address.is_link_local() && !address.is_loopback() &&
           !address.is_multicast();
  });
}

// Ignores the current state of the device.
bool can_be_uplink(const Link& link) {
  return !link.loopback && !is_port(link) && !leads_to_pods_by_name(link.name);
}

bool is_detected(const Link& link, const Config& config, const Node& node, const std::vector<Cidr>& pods) {
  if (!link.up || !can_be_uplink(link)) return false;
  return std::ranges::any_of(std::initializer_list{Family::ipv4, Family::ipv6}, [&](Family family) {
    return is_enabled(config, family) && has_global_address(link, family) && leads_outside(link, family, node, pods);
  });
}

std::vector<const Link*> detect(const Config& config, const Node& node, const std::vector<Cidr>& pods,
                                std::vector<std::string>& notes) {
  std::vector<const Link*> found;
  for (const auto& link : node.links)
    if (is_detected(link, config, node, pods)) found.push_back(&link);
  if (found.empty())
    notes.push_back("no uplink found: nothing is masqueraded; set devices, or wait for an address and a route");
  return found;
}

// Returns `devices`, else egress-masquerade-interfaces.
const std::vector<std::string>& names(const Config& config) {
  return config.devices.empty() ? config.egress_masquerade_interfaces : config.devices;
}

bool is_wanted(const Config& config, const Link& link) {
  const auto& only = config.egress_masquerade_interfaces;
  return only.empty() || std::ranges::any_of(only, [&](const auto& p) { return matches_device(p, link.name); });
}

// An exact name may select a port of another device; a pattern skips ports. The loopback device is always skipped.
std::vector<const Link*> named(const Config& config, const Node& node, std::vector<std::string>& notes) {
  const auto* const key = config.devices.empty() ? "egress-masquerade-interfaces" : "devices";
  std::vector<const Link*> found;
  for (const auto& pattern : names(config)) {
    bool any = false;
    for (const auto& link : node.links) {
      if (!matches_device(pattern, link.name)) continue;
      any = true;
      if (link.loopback || (is_port(link) && pattern != link.name)) {
        notes.push_back(fmt::format("{}: {}: {} is skipped: it is {}", key, pattern, link.name,
                                    link.loopback ? "the loopback" : "a port of another device"));
        continue;
      }
      if (is_wanted(config, link) && std::ranges::find(found, &link) == found.end()) found.push_back(&link);
    }
    if (!any) notes.push_back(fmt::format("{}: {}: no such device", key, pattern));
  }
  return found;
}

// Every device that `devices` names is an uplink already, whatever its state.
std::vector<StandbyDevice> standby_devices(const Config& config, const Node& node,
                                           const std::vector<const Link*>& uplinks) {
  std::vector<StandbyDevice> standby;
  if (!names(config).empty()) return standby;
  for (const auto& link : node.links)
    if (can_be_uplink(link) && std::ranges::find(uplinks, &link) == uplinks.end())
      standby.push_back({.ifindex = link.ifindex, .name = link.name, .ethernet = link.arp_type == arphrd_ether});
  std::ranges::sort(standby);
  return standby;
}

// Returns the pool of each family from masquerade-address, in the written order.
Result<std::vector<Address>> usable_pool(const Config& config, const Node& node, std::vector<std::string>& notes) {
  std::vector<Address> pool;
  for (const auto& address : config.masquerade_address) {
    const auto* const own = find_own_address(node, address);
    if (own == nullptr) return fail("masquerade-address: {} is not an address of this node", address.to_string());
    if (own->tentative)
      notes.push_back(fmt::format("masquerade-address: {} is tentative and not used yet", address.to_string()));
    else
      pool.push_back(address);
  }
  return pool;
}

bool pool_has(const Config& config, Family family) {
  return std::ranges::any_of(config.masquerade_address,
                             [&](const Address& address) { return address.family() == family; });
}

std::vector<Address> external_addresses(const Link& link, Family family, const Config& config, const Node& node,
                                        const std::vector<Address>& pool) {
  std::vector<Address> chosen;
  if (!is_enabled(config, family)) return chosen;
  if (pool_has(config, family)) {
    std::ranges::copy_if(pool, std::back_inserter(chosen), [&](const Address& a) { return a.family() == family; });
  } else if (const auto address = external_address(link, family, node)) {
    chosen.push_back(*address);
  }
  return chosen;
}

}  // namespace

bool matches_device(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('+')) return pattern == name;
  pattern.remove_suffix(1);
  return name.starts_with(pattern);
}

Result<UplinkSelection> select_uplinks(const Config& config, const Node& node, const std::vector<Cidr>& pods) {
  UplinkSelection selection;
  auto links =
      names(config).empty() ? detect(config, node, pods, selection.notes) : named(config, node, selection.notes);
  std::ranges::sort(links, {}, &Link::name);
  selection.standby = standby_devices(config, node, links);
  TRY(const auto pool, usable_pool(config, node, selection.notes));
  for (const auto* const link : links) {
    Uplink uplink;
    uplink.ifindex = link->ifindex;
    uplink.name = link->name;
    uplink.ethernet = link->arp_type == arphrd_ether;
    for (const auto family : {Family::ipv4, Family::ipv6}) {
      auto& addresses = family == Family::ipv4 ? uplink.ipv4 : uplink.ipv6;
      addresses = external_addresses(*link, family, config, node, pool);
      if (addresses.empty() && is_enabled(config, family) && leads_outside(*link, family, node, pods))
        selection.notes.push_back(fmt::format("{}: no usable {} address", link->name, to_word(family)));
    }
    selection.uplinks.push_back(std::move(uplink));
  }
  return selection;
}

}  // namespace masq
