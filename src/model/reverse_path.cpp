// SPDX-License-Identifier: Apache-2.0
#include "model/reverse_path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

constexpr int strict = 1;

std::unordered_set<int> strict_devices(const Node& node) {
  std::unordered_set<int> found;
  for (const auto& link : node.links)
    if (link.rp_filter == strict) found.insert(link.ifindex);
  return found;
}

}  // namespace

std::vector<Finding> findings_on_reverse_path(const Desired& desired, const Node& node) {
  std::vector<const Uplink*> uplinks;
  for (const auto& uplink : desired.uplinks)
    if (!uplink.ipv4.empty()) uplinks.push_back(&uplink);
  if (!desired.ipv4.enabled || uplinks.size() < 2) return {};
  const auto strict_ones = strict_devices(node);
  std::vector<Finding> findings;
  for (const auto* uplink : uplinks)
    if (strict_ones.contains(uplink->ifindex))
      findings.push_back(
          {FindingKind::reverse_path,
           fmt::format("{}: rp_filter is 1: the kernel drops packets that arrive through {} while the route "
                       "to their source uses another uplink; set it to 2",
                       uplink->name, uplink->name)});
  return findings;
}

}  // namespace masq
