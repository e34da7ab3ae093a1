// SPDX-License-Identifier: Apache-2.0
// The output of nft: of masq's table, and of the rules of others in both forms (JSON, a zero byte, text).
#include <string>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "cli/doctor/forward_chains.hpp"
#include "datapath/netfilter/nat_rules.hpp"
#include "datapath/nftables/nft_reader.hpp"
#include "datapath/nftables/ruleset.hpp"
#include "target.hpp"

namespace masq::fuzz {

void fuzz_nft(Input input) {
  const auto texts = texts_of(input, 2);
  (void)nftables::parse_table(texts[0]);
  (void)nftables::parse_counters(texts[0]);
  if (const auto elements = nftables::parse_set(texts[0]))
    for (const auto& element : *elements) (void)nftables::parse_listed_element(element);
  (void)nftables::parse_listed_element(texts[1]);
  netfilter::NftNatTable found;
  for (const auto& base : netfilter::nat_chains_at_postrouting(texts[0])) {
    netfilter::add_nft_rules(found, base.family, base.table, texts[0], texts[1]);
    (void)netfilter::masquerading_rules(found.chains, base.chain, {}, Family::ipv4);
  }
  netfilter::add_nft_rules(found, "ip", "nat", texts[0], texts[1]);
  (void)cli::tables_on_forward_hook(texts[1]);
  for (const auto& chain : cli::dropping_chains(texts[1])) (void)cli::remedy_for(chain, texts[1], "10.0.1.0/24");
  (void)cli::is_named_in(texts[1], Cidr::host(Address()));
}

}  // namespace masq::fuzz
