// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// A connection as conntrack has it: the tuple of its opener, and the one that its answers bear. Ports in host byte
// order; for ICMP the identifier stands for both.
struct Connection {
  std::uint8_t protocol = 0;
  Address source{};
  Address destination{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  Address reply_source{};
  Address reply_destination{};
  std::uint16_t reply_source_port = 0;
  std::uint16_t reply_destination_port = 0;
  std::uint32_t id = 0;
  std::uint32_t status = 0;  // IPS_*
  std::uint8_t tcp_state = 0;
  std::uint32_t seconds_left = 0;
  std::uint64_t age_seconds = 0;  // 0: the kernel does not keep it (nf_conntrack_timestamp)
};

// Every connection of this network namespace.
Result<void> visit_connections(Family family, const std::function<void(const Connection&)>& visit);

// Ends these, and no other: one that has ended meanwhile is passed over.
Result<void> delete_connections(const std::vector<Connection>& connections);

// Ends those of the mappings that `wanted` says yes to, and forgets such connections of pods that are left alone: they
// are decided anew.
Result<Ended> end_connections(const std::vector<AddressRange>& pods, const std::function<bool(const Mapping&)>& wanted);

// Those whose source is inside `pods` and was translated, as mappings.
Result<void> visit_translated(const std::vector<AddressRange>& pods, const std::function<void(const Mapping&)>& visit);

// Ends the connections that have to be masqueraded and began while nothing masqueraded them: conntrack would let them
// go on as they are. Returns how many.
Result<std::size_t> mend_connections(const Desired& desired);

// Makes conntrack translate these as they have been translated until now, and forget that it saw them otherwise.
Result<void> take_over_connections(const std::vector<Mapping>& mappings);

// The opposite: makes conntrack forget these, so that it does not translate them a second time.
Result<void> forget_connections(const std::vector<Mapping>& mappings);

struct ConnectionTable {
  std::uint32_t used = 0;
  std::uint32_t maximum = 0;  // 0: unknown
};
ConnectionTable connection_table();
// "nf_conntrack_max: …" when it is nearly full: then new connections of everybody fail.
std::vector<std::string> notes_on_connection_table(const ConnectionTable& table);

}  // namespace masq
