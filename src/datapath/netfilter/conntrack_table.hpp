// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/mapping_table.hpp"

namespace masq::netfilter {

// The connections of pods in conntrack, which translates for nftables and for iptables. The sets of their rules contain
// the pods. conntrack has no orders, and its translation does not depend on the node's addresses.
class ConntrackTable : public MappingTable {
 public:
  Result<void> for_each(const MappingVisitor& visit) final;
  Result<Ended> end(const MappingFilter& wanted) final;
  Result<Ended> quarantine(const std::vector<Address>& pods) final;
  Result<Counters> counters() final;
  std::vector<std::string> port_timeouts() final;

  // Returns the sources to masquerade, as the rules have them.
  virtual Result<std::vector<AddressRange>> pods() = 0;

 private:
  // Appends the packets that the rules counted.
  virtual Result<void> add_packets(Counters& counters) = 0;
};

}  // namespace masq::netfilter
