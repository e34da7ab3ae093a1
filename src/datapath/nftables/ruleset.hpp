// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "datapath/datapath.hpp"
#include "datapath/nftables/guard.hpp"
#include "datapath/nftables/nft_table.hpp"
#include "model/desired.hpp"

namespace masq::nftables {

inline constexpr const char* nft_guarded_set = "guarded";
inline constexpr int guard_priority = 111;  // after NAT, and after the guard of the first table

// "pods4": the name of an object of one family.
std::string nft_name(const char* what, Family family);

// Returns the table that masquerades. `guarded`: the devices through which no pod address may leave (the uplinks, and
// earlier uplinks that may become one again), sorted.
NftTable masq_table(const Desired& desired, const std::vector<std::string>& guarded);

// Returns the sets of the table that drops leaks while the first one is missing.
Guard make_guard(const Desired& desired, const std::vector<std::string>& guarded);

// The elements of the set that stores the ip-masq-agent's file as it was written, and the conversion back.
std::string listed_element(const IpMasqEntry& entry);
Result<IpMasqEntry> parse_listed_element(const std::string& element);

}  // namespace masq::nftables
