// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/nftables_table.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/nft_reader.hpp"
#include "datapath/nftables/ruleset.hpp"

namespace masq::nftables {
namespace {

void add_packets_of_family(Counters& counters, const std::map<std::string, std::uint64_t>& found, Family family) {
  for (const auto* reason : {"no_external_address", "no_mapping", "spoofed_source"})
    if (const auto row = found.find(nft_name(reason, family)); row != found.end())
      counters.packets.push_back(
          {.family = family, .direction = "egress", .reason = reason, .drop = true, .packets = row->second});
  if (const auto row = found.find(nft_name("created", family)); row != found.end())
    counters.mappings_created[family == Family::ipv4 ? 0 : 1] = row->second;
}

}  // namespace

Result<bool> NftablesTable::exists() {
  return has_table_(netfilter::nft_table_name);
}

Result<std::vector<AddressRange>> NftablesTable::pods() {
  std::vector<AddressRange> ranges;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    TRY(const auto elements, read_nft_set(list_, netfilter::nft_table_name, nft_name("pods", family)));
    for (const auto& element : elements) {
      TRY(const auto range, AddressRange::parse(element));
      ranges.push_back(range);
    }
  }
  return ranges;
}

Result<std::vector<IpMasqEntry>> NftablesTable::ip_masq() {
  TRY(const auto has_table, exists());
  std::vector<IpMasqEntry> entries;
  if (!has_table) return entries;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    TRY(const auto elements, read_nft_set(list_, netfilter::nft_table_name, nft_name("listed", family)));
    for (const auto& element : elements) {
      TRY(const auto entry, parse_listed_element(element));
      entries.push_back(entry);
    }
  }
  std::ranges::sort(entries);
  return entries;
}

Result<void> NftablesTable::add_packets(Counters& counters) {
  TRY(const auto found, read_nft_counters(list_, netfilter::nft_table_name));
  for (const auto family : {Family::ipv4, Family::ipv6}) add_packets_of_family(counters, found, family);
  return {};
}

}  // namespace masq::nftables
