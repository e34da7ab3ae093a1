// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// Rules and sets in the nftables table `inet masq`, connections in conntrack; both work without the agent. Fails if the
// kernel cannot be queried for tables; then it has no state of masq.
Result<std::unique_ptr<Datapath>> make_nftables_datapath();

// Returns the first missing feature of this kernel or machine as an error; needs CAP_NET_ADMIN, and changes nothing.
Result<void> probe_nftables();

// Functions for `masq`, which read the kernel with or without an agent.
Result<bool> has_nftables_table();
Result<std::vector<AddressRange>> read_nftables_pods();
Result<void> read_nftables_mappings(const std::function<void(const Mapping&)>& visit);
Result<Ended> end_nftables_mappings(const std::function<bool(const Mapping&)>& wanted);
Result<std::vector<IpMasqEntry>> read_nftables_ip_masq();  // sorted, IPv4 first

}  // namespace masq
