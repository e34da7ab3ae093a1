// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/cidr.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {

// Returns a finding for each switched-off sysctl that keeps the kernel from forwarding packets of pods: those that
// arrive from pods, and their replies, which arrive by an uplink.
std::vector<Finding> findings_on_forwarding(const Node& node, const std::vector<Uplink>& uplinks,
                                            const std::vector<Cidr>& pods);

}  // namespace masq
