// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/cidr.hpp"
#include "model/desired.hpp"
#include "model/node.hpp"

namespace masq {

// Returns the destinations whose packets get another source address than the usual one of their uplink, longest prefix
// first. `route_source`: the source that the route selects (RTA_PREFSRC) takes precedence over the kernel's choice, as
// for the node's own packets. `pods` is the source set.
std::vector<SourceRoute> source_routes(const Node& node, const std::vector<Uplink>& uplinks, bool route_source,
                                       const std::vector<Cidr>& pods);

}  // namespace masq
