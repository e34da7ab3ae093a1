// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// Rules and sets in the nftables table `inet masq`, connections in conntrack; both work on without the agent.
// An error where the kernel cannot even be asked for them: then nothing of ours is there.
Result<std::unique_ptr<Datapath>> make_nftables_datapath();

// The first thing this kernel or machine lacks for it, as an error; needs CAP_NET_ADMIN, and changes nothing.
Result<void> probe_nftables();

// What `masq` reads from the kernel, with or without an agent.
Result<bool> has_nftables_table();
Result<void> read_nftables_mappings(const std::function<void(const Mapping&)>& visit);
Result<Ended> end_nftables_mappings(const std::function<bool(const Mapping&)>& wanted);
Result<std::vector<IpMasqEntry>> read_nftables_ip_masq();  // sorted, IPv4 first

}  // namespace masq
