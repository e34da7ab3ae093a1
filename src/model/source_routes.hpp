// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/desired.hpp"
#include "model/node.hpp"

namespace masq {

// Routes through the uplinks for which the kernel selects another source address than the device's: the preferred
// source of the route, or the device's address in the subnet of the gateway. Longest prefix first. Routes that have the
// same result as a wider route are omitted.
std::vector<SourceRoute> source_routes(const Node& node, const std::vector<Uplink>& uplinks);

}  // namespace masq
