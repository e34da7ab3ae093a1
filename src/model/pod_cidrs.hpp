// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/cidr.hpp"
#include "model/config.hpp"
#include "model/node.hpp"

namespace masq {

// The source CIDRs that are masqueraded: the configured ones, or (auto) those of the first source that has a CIDR of
// this family: Kubernetes, the CNI configuration, the subnets of container bridges. The order of the source is kept.
std::vector<Cidr> pod_cidrs(const Config& config, const Node& node, Family family);

// Returns the sorted CIDRs without those that are inside another one.
std::vector<Cidr> without_nested(std::vector<Cidr> cidrs);

}  // namespace masq
