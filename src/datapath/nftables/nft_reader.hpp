// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/nftables/machine.hpp"
#include "datapath/nftables/nft_table.hpp"

namespace masq::nftables {

// Read objects of the family inet by `list` (Nft::list).

Result<NftTable> read_nft_table(const ListNft& list, const std::string& name);
// Returns the sorted elements of a set of masq; empty if there is no such set.
Result<std::vector<std::string>> read_nft_set(const ListNft& list, const std::string& table, const std::string& set);
// Returns the packets of each named counter.
Result<std::map<std::string, std::uint64_t>> read_nft_counters(const ListNft& list, const std::string& table);

// Returns the first table of a document of `nft -j list`, or nullopt if it has none. Properties without a member in
// NftTable are omitted. A document of any other shape is an error.
Result<std::optional<NftTable>> parse_table(const std::string& json);
Result<std::map<std::string, std::uint64_t>> parse_counters(const std::string& json);
// Returns the elements of the first set of such a document.
Result<std::vector<std::string>> parse_set(const std::string& json);

}  // namespace masq::nftables
