// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "datapath/datapath.hpp"
#include "datapath/nftables/nft_table.hpp"
#include "model/desired.hpp"

namespace masq {

inline constexpr const char* nft_table_name = "masq";
inline constexpr const char* nft_guard_name = "masq-guard";
inline constexpr const char* nft_guarded_set = "guarded";

// "pods4": what belongs to one family is named so.
std::string nft_name(const char* what, Family family);

// The table that masquerades. `guarded`: the devices by which no pod address may leave (the uplinks, and those that
// were and may be again), sorted.
NftTable masq_table(const Desired& desired, const std::vector<std::string>& guarded);

// The table that stands in while the first one is gone: see docs/decisions/0005-nftables.md.
NftTable guard_table(const Desired& desired, const std::vector<std::string>& guarded);

// The elements of the set that remembers the ip-masq-agent's file as it was written, and back.
std::string listed_element(const IpMasqEntry& entry);
Result<IpMasqEntry> parse_listed_element(const std::string& element);

}  // namespace masq
