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
  std::vector<RestingDevice> resting;  // sorted: those that could be uplinks but are not now
  std::vector<std::string> notes;      // "devices: eth9: no such device", "eth0: no usable IPv4 address"
};

// The devices on which we masquerade: those that `devices` names, else those found by the facts. `pods` is the
// source set of both families: a route to it makes no uplink. Fails when `masquerade-address` is not this node's.
Result<UplinkSelection> select_uplinks(const Config& config, const Node& node, const std::vector<Cidr>& pods);

// "eth+" is every name that begins with eth; anything else is the name itself.
bool matches_device(std::string_view pattern, std::string_view name);

}  // namespace masq
