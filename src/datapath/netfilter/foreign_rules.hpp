// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace masq {

// Rules of others that give packets on their way out another source address: "table ip nat, chain IP-MASQ-AGENT:
// masquerade". What masq leaves alone they may masquerade all the same.
std::vector<std::string> foreign_masquerading();

// In an nftables listing (JSON) of chains and rules of one table: the chains that a packet comes to from a NAT chain of
// the hook postrouting and that have such a rule.
std::vector<std::string> masquerading_chains(const std::string& json);
// In what iptables-save printed: the chains of the table nat, but for ours, that have such a rule.
std::vector<std::string> masquerading_chains_of_iptables(const std::string& saved);

}  // namespace masq
