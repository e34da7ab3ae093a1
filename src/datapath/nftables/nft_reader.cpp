// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/nft_reader.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/nft_table.hpp"

namespace masq {

Result<std::optional<NftTable>> read_nft_table(const std::string& name) {
  const auto exists = Nft::has_table(name);
  if (!exists) return std::unexpected(exists.error());
  if (!*exists) return std::optional<NftTable>();
  auto text = Nft::list("list table inet " + name);
  if (!text) return std::unexpected(text.error());
  return parse_table(*text);
}

Result<std::vector<std::string>> read_nft_set(const std::string& table, const std::string& set) {
  auto text = Nft::list(fmt::format("list set inet {} {}", table, set));
  if (!text) return std::unexpected(text.error());
  return parse_set(*text);
}

Result<std::map<std::string, std::uint64_t>> read_nft_counters(const std::string& table) {
  auto text = Nft::list("list counters table inet " + table);
  if (!text) return std::unexpected(text.error());
  return parse_counters(*text);
}

}  // namespace masq
