// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/snat_rule.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/port_range.hpp"
#include "model/desired.hpp"

namespace masq::netfilter {

std::vector<SnatRule> snat_rules(const Desired& desired, Family family) {
  std::vector<SnatRule> rules;
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

PortRange largest(const std::vector<PortRange>& ports) {
  return *std::ranges::max_element(ports, {}, [](const PortRange& range) { return range.high - range.low; });
}

}  // namespace masq::netfilter
