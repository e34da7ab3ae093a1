// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/conntrack_table.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/kernel_tables.hpp"
#include "datapath/nftables/machine.hpp"

namespace masq::nftables {

// conntrack with the sets and counters of the nftables table `inet masq`.
class NftablesTable final : public netfilter::ConntrackTable {
 public:
  explicit NftablesTable(ListNft list = netfilter::Nft::list, TableQuery has_table = nftables::has_table)
      : list_(std::move(list)), has_table_(std::move(has_table)) {}

  Result<bool> exists() override;
  Result<std::vector<IpMasqEntry>> ip_masq() override;
  Result<std::vector<AddressRange>> pods() override;

 private:
  Result<void> add_packets(Counters& counters) override;

  ListNft list_;
  TableQuery has_table_;
};

}  // namespace masq::nftables
