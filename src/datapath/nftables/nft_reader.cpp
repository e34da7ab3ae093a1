// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/nft_reader.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/machine.hpp"
#include "datapath/nftables/nft_table.hpp"

namespace masq::nftables {

Result<bool> has_nft_table(const ListNft& list, const std::string& name) {
  // JSON of 1.0.6 is invalid for the flag "owner"
  TRY(auto text, list("list tables inet", netfilter::Nft::Form::text));
  return ("\n" + text).contains(fmt::format("\ntable inet {}\n", name));
}

Result<std::optional<NftTable>> read_nft_table(const ListNft& list, const std::string& name) {
  TRY(const auto exists, has_nft_table(list, name));
  if (!exists) return std::optional<NftTable>();
  TRY(auto text, list("list table inet " + name, netfilter::Nft::Form::json));
  return parse_table(text);
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
