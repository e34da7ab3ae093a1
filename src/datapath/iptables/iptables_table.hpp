// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/iptables/iptables_tools.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/conntrack_table.hpp"

namespace masq::iptables {

// conntrack with the sets masq-* of ipset, and the packet counters of masq's rules.
class IptablesTable final : public netfilter::ConntrackTable {
 public:
  // Without `tools`, they are searched when they are needed: for counters(). The sets need only ipset.
  explicit IptablesTable(std::optional<Tools> tools = {})
      : tools_(std::move(tools)), ipset_(tools_ ? tools_->ipset() : IpSetTool()) {}

  Result<bool> exists() override;
  Result<std::vector<IpMasqEntry>> ip_masq() override;
  Result<std::vector<AddressRange>> pods() override;

 private:
  Result<void> add_packets(Counters& counters) override;

  std::optional<Tools> tools_;
  IpSetTool ipset_;
};

}  // namespace masq::iptables
