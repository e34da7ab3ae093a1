// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/nft_reader.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/machine.hpp"
#include "datapath/nftables/nft_table.hpp"

namespace masq::nftables {

Result<NftTable> read_nft_table(const ListNft& list, const std::string& name) {
  TRY(const auto text, list("list table inet " + name, netfilter::Nft::Form::json));
  TRY(auto table, parse_table(text));
  if (!table) return fail("nftables: invalid listing: no table {}", name);
  return std::move(*table);
}

Result<std::vector<std::string>> read_nft_set(const ListNft& list, const std::string& table, const std::string& set) {
  TRY(auto text, list(fmt::format("list set inet {} {}", table, set), netfilter::Nft::Form::json));
  return parse_set(text);
}

Result<std::map<std::string, std::uint64_t>> read_nft_counters(const ListNft& list, const std::string& table) {
  TRY(auto text, list("list table inet " + table, netfilter::Nft::Form::terse));
  return parse_counters(text);
}

}  // namespace masq::nftables
