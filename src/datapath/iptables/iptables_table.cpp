// SPDX-License-Identifier: Apache-2.0
#include "datapath/iptables/iptables_table.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/iptables/iptables_rules.hpp"
#include "datapath/iptables/iptables_tools.hpp"
#include "datapath/mapping_table.hpp"

namespace masq::iptables {
namespace {

// The set contains 0.0.0.0/0 and ::/0 as two halves.
void join_halves(std::vector<IpMasqEntry>& entries) {
  for (auto half = entries.begin(); half != entries.end(); ++half) {
    if (half->cidr.length() != 1 || !half->cidr.address().is_unspecified()) continue;
    const auto other = std::ranges::find_if(std::next(half), entries.end(), [&](const IpMasqEntry& entry) {
      return entry.cidr.length() == 1 && entry.cidr.family() == half->cidr.family() &&
             entry.masquerade == half->masquerade;
    });
    if (other == entries.end()) continue;
    half->cidr = Cidr(half->cidr.address(), 0);
    half = std::prev(entries.erase(other));
  }
}

}  // namespace

Result<bool> IptablesTable::exists() {
  TRY(const auto sets, ipset_.sets());
  return !sets.empty();
}

Result<std::vector<AddressRange>> IptablesTable::pods() {
  TRY(const auto sets, ipset_.sets());
  std::vector<AddressRange> ranges;
  for (const auto family : {Family::ipv4, Family::ipv6})
    if (const auto* const set = find_set(sets, ip_set_name("pods", family)))
      for (const auto& member : set->members)
        if (const auto range = AddressRange::parse(member)) ranges.push_back(*range);
  return ranges;
}

Result<std::vector<IpMasqEntry>> IptablesTable::ip_masq() {
  TRY(const auto sets, ipset_.sets());
  std::vector<IpMasqEntry> entries;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto* const set = find_set(sets, ip_set_name("agent", family));
    if (set == nullptr) continue;
    for (const auto& member : set->members)
      if (const auto cidr = Cidr::parse(member.substr(0, member.find(' '))))
        entries.push_back({.cidr = *cidr, .masquerade = member.ends_with(" nomatch")});
  }
  std::ranges::sort(entries);
  join_halves(entries);
  return entries;
}

Result<void> IptablesTable::add_packets(Counters& counters) {
  if (!tools_) {
    TRY(tools_, Tools::find());
  }
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    TRY(const auto saved, tools_->save(family, true));
    for (const auto* reason : {"no_external_address", "no_mapping", "spoofed_source"})
      counters.packets.push_back({.family = family,
                                  .direction = "egress",
                                  .reason = reason,
                                  .drop = true,
                                  .packets = packets_of(saved, reason)});
  }
  return {};
}

}  // namespace masq::iptables
