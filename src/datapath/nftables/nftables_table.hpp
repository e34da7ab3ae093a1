// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/conntrack_table.hpp"

namespace masq {

// conntrack with the sets and counters of the nftables table `inet masq`.
class NftablesTable final : public ConntrackTable {
 public:
  Result<bool> exists() override;
  Result<std::vector<IpMasqEntry>> ip_masq() override;
  Result<std::vector<AddressRange>> pods() override;

 private:
  Result<void> add_packets(Counters& counters) override;
};

}  // namespace masq
