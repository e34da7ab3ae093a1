// SPDX-License-Identifier: Apache-2.0
#include "model/forwarding.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/desired.hpp"
#include "model/device_role.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

constexpr std::size_t most_shown = 3;

std::vector<std::string> names_without_ipv4_forwarding(const std::vector<const Link*>& links) {
  std::vector<std::string> names;
  for (const auto* link : links)
    if (!link->forwards_ipv4) names.push_back(link->name);
  return names;
}

// One line for all devices: a node may have hundreds of pods.
void report(const std::vector<std::string>& names, const char* effect, std::vector<Finding>& findings) {
  if (names.empty()) return;
  const std::vector<std::string> shown(names.begin(), names.begin() + std::min(names.size(), most_shown));
  const auto more = names.size() > most_shown ? fmt::format(" and {} more", names.size() - most_shown) : "";
  findings.push_back({FindingKind::forwarding_off,
                      fmt::format("{}{}: IPv4 forwarding is off, so {}: set net.ipv4.conf.{}.forwarding to 1",
                                  fmt::join(shown, ", "), more, effect, names.size() == 1 ? names[0] : "DEVICE")});
}

std::unordered_set<int> indexes_of(const std::vector<Uplink>& uplinks) {
  std::unordered_set<int> indexes;
  for (const auto& uplink : uplinks) indexes.insert(uplink.ifindex);
  return indexes;
}

}  // namespace

std::vector<Finding> findings_on_forwarding(const Node& node, const std::vector<Uplink>& uplinks,
                                            const std::vector<Cidr>& pods) {
  std::vector<Finding> findings;
  const auto pods4 = of_family(pods, Family::ipv4);
  const auto pods6 = of_family(pods, Family::ipv6);
  const bool off6 = !node.links.empty() && std::ranges::none_of(node.links, &Link::forwards_ipv6);
  if (!pods6.empty() && off6 && std::ranges::any_of(uplinks, [](const Uplink& uplink) { return !uplink.ipv6.empty(); }))
    findings.push_back(
        {FindingKind::forwarding_off,
         "IPv6 forwarding is off, so packets of pods are dropped: set net.ipv6.conf.all.forwarding to 1"});
  if (pods4.empty()) return findings;
  const DeviceRoles roles(node, pods4);
  const auto uplink_indexes = indexes_of(uplinks);
  std::vector<const Link*> outer;
  std::vector<const Link*> inner;
  for (const auto& link : node.links) {
    if (uplink_indexes.contains(link.ifindex))
      outer.push_back(&link);
    else if (link.up && !link.loopback && !is_port(link) && roles.has_pods(link))
      inner.push_back(&link);
  }
  report(names_without_ipv4_forwarding(outer), "replies to pods are dropped", findings);
  report(names_without_ipv4_forwarding(inner), "packets from pods are dropped", findings);
  return findings;
}

}  // namespace masq
