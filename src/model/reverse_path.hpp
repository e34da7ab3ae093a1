// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {

// Returns the effects of the kernel's reverse path filter (net.ipv4.conf.*.rp_filter, ip-sysctl.rst) on replies if
// there are several uplinks. masq never changes the filter.
std::vector<Finding> findings_on_reverse_path(const Desired& desired, const Node& node);

}  // namespace masq
