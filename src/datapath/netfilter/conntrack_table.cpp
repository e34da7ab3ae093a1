// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/conntrack_table.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/connections.hpp"

namespace masq::netfilter {

Result<void> ConntrackTable::for_each(const MappingVisitor& visit) {
  TRY(const auto sources, pods());
  return visit_translated(sources, visit);
}

Result<Ended> ConntrackTable::end(const MappingFilter& wanted) {
  TRY(const auto sources, pods());
  return end_connections(sources, wanted);
}

Result<Ended> ConntrackTable::quarantine(const std::vector<Address>& pods) {
  return end([&](const Mapping& mapping) { return std::ranges::binary_search(pods, mapping.pod); });
}

Result<Counters> ConntrackTable::counters() {
  Counters counters;
  TRY_DO(add_packets(counters));
  const auto maximum = connection_table().maximum;
  TableUse uses[2] = {{.family = Family::ipv4, .maximum = maximum}, {.family = Family::ipv6, .maximum = maximum}};
  TRY_DO(for_each([&](const Mapping& mapping) { ++uses[mapping.pod.family() == Family::ipv4 ? 0 : 1].used; }));
  counters.tables.assign(std::begin(uses), std::end(uses));
  return counters;
}

std::vector<std::string> ConntrackTable::port_timeouts() {
  return settings_of_port_timeouts();
}

}  // namespace masq::netfilter
