// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/snat_rule.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/port_range.hpp"
#include "model/desired.hpp"
#include "model/mapped_ports.hpp"

namespace masq::netfilter {
namespace {

PortRange largest(const std::vector<PortRange>& ports) {
  return *std::ranges::max_element(ports, {}, [](const PortRange& range) { return range.high - range.low; });
}

void add_rules(std::vector<PortRule>& rules, std::optional<PortRange> sources, const std::vector<PortRange>& ranges,
               const Desired& desired) {
  const auto most = largest(ranges);
  if (!desired.kernel.random_fully)
    for (const auto& range : ranges)
      if (range != most) rules.push_back({.sources = range, .external = range});
  rules.push_back({.sources = sources, .external = most});
}

}  // namespace

std::vector<SnatRule> snat_rules(const Desired& desired, Family family) {
  std::vector<SnatRule> rules;
  if (desired.ports.empty()) return rules;  // a rule without ports would use any
  for (const auto& route : desired.source_routes)
    if (route.source.family() == family)
      rules.push_back({.device = route.device, .destination = route.destination, .external = route.source});
  for (const auto& uplink : desired.uplinks) {
    const auto& pool = family == Family::ipv4 ? uplink.ipv4 : uplink.ipv6;
    for (unsigned i = 0; i < pool.size(); ++i)
      rules.push_back({.device = uplink.name,
                       .destination = std::nullopt,
                       .share = i,
                       .shares = static_cast<unsigned>(pool.size()),
                       .external = pool[i]});
  }
  return rules;
}

std::vector<PortRule> port_rules(const Desired& desired) {
  std::vector<PortRule> rules;
  const auto usable = usable_ports(desired);
  for (const auto& low : low_port_classes)
    if (const auto ranges = intersect(usable, low); !ranges.empty()) add_rules(rules, low, ranges, desired);
  const auto ranges = intersect(usable, unprivileged_ports);
  add_rules(rules, std::nullopt, ranges.empty() ? desired.ports : ranges, desired);
  return rules;
}

}  // namespace masq::netfilter
