// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/cidr.hpp"
#include "model/config.hpp"
#include "model/node.hpp"

namespace masq {

// Whose packets are masqueraded: as configured, or (auto) from the first of these that knows a CIDR of this family:
// Kubernetes, the CNI configuration, the subnets of container bridges. In the order they were given.
std::vector<Cidr> pod_cidrs(const Config& config, const Node& node, Family family);

// Sorted, without those that lie inside another.
std::vector<Cidr> without_nested(std::vector<Cidr> cidrs);

}  // namespace masq
