// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/conntrack_message.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"

namespace masq::netfilter {

// Visits every connection of this network namespace, of both families.
Result<void> visit_connections(const std::function<void(const Connection&)>& visit);

// Ends exactly these connections, and skips those that have ended meanwhile.
Result<void> delete_connections(const std::vector<Connection>& connections);

// Ends the connections of mappings for which `wanted` returns true, and forgets such bypassed connections of pods,
// which are then decided again.
Result<Ended> end_connections(const std::vector<AddressRange>& pods, const MappingFilter& wanted);

// Visits the connections whose source is inside `pods` and was translated, as mappings.
Result<void> visit_translated(const std::vector<AddressRange>& pods, const MappingVisitor& visit);

// Returns the mapping of a connection whose source is inside `pods` and was translated, else nullopt.
std::optional<Mapping> translated_mapping(const Connection& connection, const std::vector<AddressRange>& pods);

// Ends connections that must be masqueraded but started without masquerading; conntrack would not change them. Returns
// their number.
Result<std::size_t> mend_connections(const Desired& desired);

// Makes conntrack translate these connections as before, and replaces its entries without a translation.
Result<void> take_over_connections(const std::vector<Mapping>& mappings);

// The reverse: deletes the entries, so that conntrack does not translate the connections a second time.
Result<void> forget_connections(const std::vector<Mapping>& mappings);

struct ConnectionTable {
  std::uint32_t used = 0;
  std::uint32_t maximum = 0;  // 0: unknown
};
ConnectionTable connection_table();
// Returns "nf_conntrack_max: …" if the table is nearly full. A full table affects new connections of all programs.
std::vector<Finding> findings_on_connection_table(const ConnectionTable& table);
// Returns the settings that keep the port of a closed connection, and of an answered datagram, as NAME=SECONDS
// (Documentation/networking/nf_conntrack-sysctl.rst).
std::vector<std::string> settings_of_port_timeouts();

}  // namespace masq::netfilter
