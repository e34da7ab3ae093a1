// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// Chains MASQ-* in the tables nat and mangle, sets masq-* of ipset, connections in conntrack. All of them work without
// the agent. A change runs `iptables-restore` once per family.
Result<std::unique_ptr<Datapath>> make_iptables_datapath();

// Returns the first missing feature of this machine as an error; changes nothing.
Result<void> probe_iptables();

// Functions for `masq`, which read the kernel with or without an agent.
Result<bool> has_ip_sets();
Result<std::vector<AddressRange>> read_iptables_pods();
Result<void> read_iptables_mappings(const std::function<void(const Mapping&)>& visit);
Result<Ended> end_iptables_mappings(const std::function<bool(const Mapping&)>& wanted);
Result<std::vector<IpMasqEntry>> read_iptables_ip_masq();  // sorted, IPv4 first

}  // namespace masq
