// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {

// More devices are not masqueraded; the map of the uplinks in the kernel has this many entries.
constexpr std::size_t max_uplinks = 16384;

struct UplinkSelection {
  std::vector<Uplink> uplinks;      // sorted by name, with the addresses of the enabled families
  std::vector<SideDevice> standby;  // sorted: devices that may become uplinks, but are none now
  std::vector<SideDevice> inbound;  // sorted: other devices by which packets from outside may arrive
  std::vector<SideDevice> bridges;  // sorted: container bridges with pods on them, none of the above but standby
  std::vector<Finding> findings;    // "devices: eth9: no such device", "eth0: no usable IPv4 address"
};

// Selects the devices on which masq masquerades: the devices of `devices`, by name or alternative name, else the
// devices detected from the facts (device_role.hpp). `pods` is the source set of both families. An address of
// `masquerade-address` that the node does not have is left out.
UplinkSelection select_uplinks(const Config& config, const Node& node, const std::vector<Cidr>& pods);

// "eth+" matches every name that begins with eth; any other pattern matches only itself.
bool matches_device(std::string_view pattern, std::string_view name);

}  // namespace masq
