// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace masq::netfilter {

// Returns rules of other programs that translate the source of outbound packets: "table ip nat, chain IP-MASQ-AGENT:
// masquerade". They may masquerade packets that masq excludes.
std::vector<std::string> foreign_masquerading();

// In an nftables listing (JSON) of the chains and rules of one table: returns the chains with such a rule that are
// reachable from a NAT chain of the hook postrouting.
std::vector<std::string> masquerading_chains(const std::string& json);
// In the output of iptables-save: returns the chains of the table nat with such a rule, without masq's.
std::vector<std::string> masquerading_chains_of_iptables(const std::string& saved);

}  // namespace masq::netfilter
