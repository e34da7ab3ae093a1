// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/desired.hpp"
#include "model/node.hpp"

namespace masq {

// The routes by the uplinks for which the kernel would choose a source of its own for the node's packets: the one that
// the route prefers, or the device's address beside its gateway. Longest prefix first; a route that says what the
// wider ones say is left out.
std::vector<SourceRoute> source_routes(const Node& node, const std::vector<Uplink>& uplinks);

}  // namespace masq
