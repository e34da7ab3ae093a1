// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/cidr.hpp"
#include "model/config.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {

struct PodCidr {
  Cidr cidr;
  std::string origin;  // "ipv4-pod-cidr", "Kubernetes", "the CNI configuration", "the bridge docker0"
  bool operator==(const PodCidr&) const = default;
};

// The source CIDRs that are masqueraded: the configured ones, or (auto) those of the first source that has a CIDR of
// this family: Kubernetes, the CNI configuration, the private subnets of container bridges (RFC 1918, RFC 6598, RFC
// 4193). The order of the source is kept. Appends the subnets of bridges that are left out, and why, to `findings`.
std::vector<PodCidr> pod_cidrs(const Config& config, const Node& node, Family family, std::vector<Finding>& findings);

// Returns the sorted CIDRs without those that are inside another one.
std::vector<Cidr> without_nested(std::vector<Cidr> cidrs);

}  // namespace masq
