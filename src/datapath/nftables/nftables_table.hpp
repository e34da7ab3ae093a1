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
#include "datapath/nftables/machine.hpp"

namespace masq::nftables {

// conntrack with the sets and counters of the nftables table `inet masq`.
class NftablesTable final : public netfilter::ConntrackTable {
 public:
  explicit NftablesTable(ListNft list = [](const auto& command,
                                           auto form) { return netfilter::Nft::list(command, form); })
      : list_(std::move(list)) {}

  Result<bool> exists() override;
  Result<std::vector<IpMasqEntry>> ip_masq() override;
  Result<std::vector<AddressRange>> pods() override;

 private:
  Result<void> add_packets(Counters& counters) override;

  ListNft list_;
};

}  // namespace masq::nftables
