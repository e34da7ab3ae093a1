// SPDX-License-Identifier: Apache-2.0
#include "model/devices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/device_role.hpp"
#include "model/external_address.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

std::string_view to_word(Family family) {
  return family == Family::ipv4 ? "IPv4" : "IPv6";
}

// A device that leads to this node's pods is no uplink because it also leads elsewhere, unless the default route uses
// it: then pods and the world are behind the same device.
bool is_detected(const Link& link, const Config& config, const DeviceRoles& roles) {
  if (!link.up || !roles.can_be_uplink(link)) return false;
  const bool leads_to_pods = roles.leads_to_pods(link);
  return std::ranges::any_of(std::initializer_list{Family::ipv4, Family::ipv6}, [&](Family family) {
    return is_enabled(config, family) &&
           (roles.has_default_route(link, family) || (!leads_to_pods && roles.leads_outside(link, family)));
  });
}

std::vector<const Link*> detect(const Config& config, const Node& node, const DeviceRoles& roles, bool has_pods,
                                std::vector<Finding>& findings) {
  std::vector<const Link*> found;
  for (const auto& link : node.links)
    if (is_detected(link, config, roles)) found.push_back(&link);
  if (found.empty() && has_pods)
    findings.push_back(
        {FindingKind::no_uplink, "no uplink found: nothing is masqueraded; set devices, or wait for a route"});
  return found;
}

// Returns `devices`, else egress-masquerade-interfaces.
const std::vector<std::string>& names(const Config& config) {
  return config.devices.empty() ? config.egress_masquerade_interfaces : config.devices;
}

bool has_name_like(const Link& link, std::string_view pattern) {
  return matches_device(pattern, link.name) ||
         std::ranges::any_of(link.alternative_names, [&](const auto& name) { return matches_device(pattern, name); });
}

bool has_exact_name(const Link& link, std::string_view name) {
  return link.name == name || std::ranges::find(link.alternative_names, name) != link.alternative_names.end();
}

bool is_wanted(const Config& config, const Link& link) {
  const auto& only = config.egress_masquerade_interfaces;
  return only.empty() || std::ranges::any_of(only, [&](const auto& pattern) { return has_name_like(link, pattern); });
}

// An exact name may select a port of another device; a pattern skips ports. The loopback device is always skipped.
bool is_skipped(const Link& link, const std::string& pattern, const char* key, std::vector<Finding>& findings) {
  if (!link.loopback && (!is_port(link) || has_exact_name(link, pattern))) return false;
  findings.push_back(
      {FindingKind::device_skipped, fmt::format("{}: {}: {} is skipped: it is {}", key, pattern, link.name,
                                                link.loopback ? "the loopback" : "a port of another device")});
  return true;
}

std::vector<const Link*> named(const Config& config, const Node& node, std::vector<Finding>& findings) {
  const auto* const key = config.devices.empty() ? "egress-masquerade-interfaces" : "devices";
  std::vector<const Link*> found;
  for (const auto& pattern : names(config)) {
    bool any = false;
    for (const auto& link : node.links) {
      if (!has_name_like(link, pattern)) continue;
      any = true;
      if (!is_skipped(link, pattern, key, findings) && is_wanted(config, link) &&
          std::ranges::find(found, &link) == found.end())
        found.push_back(&link);
    }
    if (!any) findings.push_back({FindingKind::device_missing, fmt::format("{}: {}: no such device", key, pattern)});
  }
  return found;
}

SideDevice side_device(const Link& link) {
  return {.ifindex = link.ifindex, .name = link.name, .ethernet = link.arp_type == arphrd_ether};
}

// Every device that `devices` names is an uplink already, whatever its state.
std::vector<SideDevice> standby_devices(const Config& config, const Node& node, const DeviceRoles& roles,
                                        const std::set<const Link*>& uplinks) {
  std::vector<SideDevice> standby;
  if (!names(config).empty()) return standby;
  for (const auto& link : node.links)
    if (roles.can_be_uplink(link) && !uplinks.contains(&link)) standby.push_back(side_device(link));
  std::ranges::sort(standby);
  return standby;
}

std::vector<SideDevice> inbound_devices(const Node& node, const DeviceRoles& roles,
                                        const std::set<const Link*>& uplinks) {
  std::vector<SideDevice> inbound;
  for (const auto& link : node.links)
    if (link.up && roles.may_lead_outside(link) && !uplinks.contains(&link)) inbound.push_back(side_device(link));
  std::ranges::sort(inbound);
  return inbound;
}

std::vector<SideDevice> bridges_of_pods(const Node& node, const DeviceRoles& roles, const UplinkSelection& selection,
                                        const std::set<const Link*>& uplinks) {
  std::vector<SideDevice> bridges;
  for (const auto& link : node.links) {
    const auto device = side_device(link);
    if (!is_port(link) && roles.is_container_bridge(link) && roles.has_pods(link) && !uplinks.contains(&link) &&
        !std::ranges::binary_search(selection.inbound, device))
      bridges.push_back(device);
  }
  std::ranges::sort(bridges);
  return bridges;
}

// Returns the pool of each family from masquerade-address, in the written order. An address that the node does not have
// may be on another node now.
std::vector<Address> usable_pool(const Config& config, const Node& node, std::vector<Finding>& findings) {
  std::vector<Address> pool;
  for (const auto& address : config.masquerade_address) {
    const auto* const own = find_own_address(node, address);
    if (own == nullptr)
      findings.push_back({FindingKind::masquerade_address_missing,
                          fmt::format("masquerade-address: {} is not an address of this node", address.to_string())});
    else if (own->tentative)
      findings.push_back({FindingKind::address_tentative,
                          fmt::format("masquerade-address: {} is tentative and not used yet", address.to_string())});
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
                                        const DeviceRoles& roles, const std::vector<Address>& pool,
                                        const std::vector<Cidr>& pods) {
  std::vector<Address> chosen;
  if (!is_enabled(config, family)) return chosen;
  if (pool_has(config, family)) {
    std::ranges::copy_if(pool, std::back_inserter(chosen), [&](const Address& a) { return a.family() == family; });
  } else if (const auto address = external_address(link, family, node, roles.routes_of(link), pods)) {
    chosen.push_back(*address);
  }
  return chosen;
}

Uplink uplink_of(const Link& link, const Config& config, const Node& node, const DeviceRoles& roles,
                 const std::vector<Cidr>& pods, const std::vector<Address>& pool, std::vector<Finding>& findings) {
  Uplink uplink{
      .ifindex = link.ifindex, .name = link.name, .ethernet = link.arp_type == arphrd_ether, .ipv4 = {}, .ipv6 = {}};
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    auto& addresses = family == Family::ipv4 ? uplink.ipv4 : uplink.ipv6;
    addresses = external_addresses(link, family, config, node, roles, pool, pods);
    if (addresses.empty() && is_enabled(config, family) && roles.leads_outside(link, family) &&
        !of_family(pods, family).empty())
      findings.push_back(
          {FindingKind::no_address,
           fmt::format("{}: no usable {} address: packets from pods are dropped", link.name, to_word(family))});
  }
  return uplink;
}

// Devices with a default route come first, so that a surplus does not cost the way that most packets take.
void remove_surplus(std::vector<const Link*>& links, const DeviceRoles& roles, std::vector<Finding>& findings) {
  if (links.size() <= max_uplinks) return;
  std::ranges::stable_partition(links, [&](const Link* link) {
    return roles.has_default_route(*link, Family::ipv4) || roles.has_default_route(*link, Family::ipv6);
  });
  std::string left_over;
  for (auto link = links.begin() + max_uplinks; link != links.end(); ++link)
    left_over += (left_over.empty() ? "" : ", ") + (*link)->name;
  findings.push_back({FindingKind::too_many_uplinks, fmt::format("{} uplinks, more than {}: not masqueraded: {}",
                                                                 links.size(), max_uplinks, left_over)});
  links.resize(max_uplinks);
}

}  // namespace

bool matches_device(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('+')) return pattern == name;
  pattern.remove_suffix(1);
  return name.starts_with(pattern);
}

UplinkSelection select_uplinks(const Config& config, const Node& node, const std::vector<Cidr>& pods) {
  UplinkSelection selection;
  const DeviceRoles roles(node, pods);
  auto links = names(config).empty() ? detect(config, node, roles, !pods.empty(), selection.findings)
                                     : named(config, node, selection.findings);
  std::ranges::sort(links, {}, &Link::name);
  remove_surplus(links, roles, selection.findings);
  std::ranges::sort(links, {}, &Link::name);
  const std::set<const Link*> uplinks(links.begin(), links.end());
  selection.standby = standby_devices(config, node, roles, uplinks);
  selection.inbound = inbound_devices(node, roles, uplinks);
  selection.bridges = bridges_of_pods(node, roles, selection, uplinks);
  const auto pool = usable_pool(config, node, selection.findings);
  for (const auto* const link : links)
    selection.uplinks.push_back(uplink_of(*link, config, node, roles, pods, pool, selection.findings));
  return selection;
}

}  // namespace masq
