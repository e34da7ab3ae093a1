// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/node.hpp"

namespace masq {

struct UplinkSelection {
  std::vector<Uplink> uplinks;         // sorted by name, with the addresses of the enabled families
  std::vector<StandbyDevice> standby;  // sorted: devices that may become uplinks, but are none now
  std::vector<std::string> notes;      // "devices: eth9: no such device", "eth0: no usable IPv4 address"
};

// Selects the devices on which masq masquerades: the devices of `devices`, else the devices detected from the facts.
// `pods` is the source set of both families; a route to it does not make a device an uplink. Fails if
// `masquerade-address` is not an address of this node.
Result<UplinkSelection> select_uplinks(const Config& config, const Node& node, const std::vector<Cidr>& pods);

// "eth+" matches every name that begins with eth; any other pattern matches only itself.
bool matches_device(std::string_view pattern, std::string_view name);

}  // namespace masq
