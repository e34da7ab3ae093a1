// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>  // before those of the kernel, which have the same types
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "datapath/netfilter/exclusion_ranges.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/guard.hpp"
#include "datapath/nftables/nf_tables_batch.hpp"
#include "datapath/nftables/nf_tables_rule.hpp"
#include "datapath/nftables/ruleset.hpp"

namespace masq::nftables {
namespace {

constexpr std::uint32_t established_or_related = 2 | 4;  // NF_CT_STATE_BIT() of IP_CT_ESTABLISHED, IP_CT_RELATED
static_assert((1 << (IP_CT_ESTABLISHED + 1)) == 2 && (1 << (IP_CT_RELATED + 1)) == 4);
static_assert(ND_ROUTER_SOLICIT + 4 == ND_REDIRECT);

// The words and numbers that differ between the families.
struct OfFamily {
  Family family;
  std::uint8_t number;  // NFPROTO_*
  std::uint32_t source_offset, destination_offset;
  std::uint32_t original_source;  // NFT_CT_*
};
constexpr OfFamily of4{Family::ipv4, NFPROTO_IPV4, offsetof(iphdr, saddr), offsetof(iphdr, daddr), NFT_CT_SRC_IP};
constexpr OfFamily of6{Family::ipv6, NFPROTO_IPV6, offsetof(ip6_hdr, ip6_src), offsetof(ip6_hdr, ip6_dst),
                       NFT_CT_SRC_IP6};

std::uint32_t length_of(const OfFamily& words) {
  return static_cast<std::uint32_t>(address_bytes(words.family));
}

// A reply of a connection that NAT tracks.
NfTablesRule& is_reply(NfTablesRule& rule) {
  return rule.load_ct(NFT_CT_DIRECTION).is(IP_CT_DIR_REPLY);
}

// The connection's source is translated.
NfTablesRule& is_translated(NfTablesRule& rule) {
  return rule.load_ct(NFT_CT_STATUS).has_one_of(IPS_SRC_NAT);
}

// Multicast and broadcast are never masqueraded.
std::vector<AddressRange> destinations_to_pass(const std::vector<AddressRange>& left, Family family) {
  auto ranges = left;
  for (const auto* text : {"224.0.0.0/4", "255.255.255.255", "ff00::/8"})
    if (const auto range = AddressRange::parse(text); range && range->first.family() == family)
      ranges.push_back(*range);
  return netfilter::merged(std::move(ranges));
}

using AddressSet = std::pair<std::string, std::vector<AddressRange>>;

std::vector<AddressSet> sets_of(const Guard::OfFamily& guard, Family family) {
  return {{nft_name("pods", family), guard.pods},
          {nft_name("left", family), destinations_to_pass(guard.left, family)},
          {nft_name("own", family), guard.own}};
}

// Both are sorted.
template <class Element>
void change_set(NfTablesBatch& batch, const std::string& set, const std::vector<Element>& before,
                const std::vector<Element>& after) {
  std::vector<Element> removed, added;
  std::ranges::set_difference(before, after, std::back_inserter(removed));
  std::ranges::set_difference(after, before, std::back_inserter(added));
  batch.delete_elements(set, removed);
  batch.add_elements(set, added);
}

void change_sets(NfTablesBatch& batch, const Guard::OfFamily& before, const Guard::OfFamily& after, Family family) {
  const auto old_sets = sets_of(before, family), new_sets = sets_of(after, family);
  for (std::size_t i = 0; i < new_sets.size(); ++i)
    change_set(batch, new_sets[i].first, old_sets[i].second, new_sets[i].second);
}

class GuardBatch {
 public:
  GuardBatch(const Guard& guard, bool has_owner) : batch_(netfilter::nft_guard_name) {
    // Creates the table first, so that the deletion succeeds in any case.
    batch_.add_table();
    batch_.delete_table();
    batch_.add_table(has_owner ? NFT_TABLE_F_OWNER : 0);
    batch_.add_device_set(nft_guarded_set);
    batch_.add_elements(nft_guarded_set, guard.devices);
    batch_.add_base_chain("guard", "filter", NF_INET_POST_ROUTING, guard_priority);
    batch_.add_base_chain("input", "filter", NF_INET_LOCAL_IN, -1);
    add_family(guard.ipv4, of4);
    add_family(guard.ipv6, of6);
    batch_.commit();
  }

  std::vector<std::uint8_t> messages() const { return batch_.messages(); }

 private:
  void add_family(const Guard::OfFamily& sets, const OfFamily& words) {
    const auto pods = nft_name("pods", words.family), left = nft_name("left", words.family),
               own = nft_name("own", words.family), leak = nft_name("leak", words.family);
    for (const auto& [name, ranges] : sets_of(sets, words.family)) {
      batch_.add_address_set(name, words.family);
      batch_.add_elements(name, ranges);
    }
    batch_.add_chain(leak);
    add_leak_rules(leak, left, words);
    // The address comes first: packets that NAT has translated have another one, and skip the look-up of the device.
    batch_.add_rule("guard",
                    NfTablesRule()
                        .load_meta(NFT_META_NFPROTO)
                        .is(words.number)
                        .load_network(words.source_offset, length_of(words))
                        .is_in(pods)
                        .load_meta(NFT_META_OIFNAME)
                        .is_in(nft_guarded_set)
                        .go_to(leak),
                    "from pods, through an uplink");
    add_rule_against_resets(pods, own, words);
  }

  // Packets in this chain have a pod's source address after NAT.
  void add_leak_rules(const std::string& chain, const std::string& left, const OfFamily& words) {
    NfTablesRule reply, translated;
    batch_.add_rule(chain, is_reply(reply).go_back(), "replies of inbound connections");
    batch_.add_rule(chain,
                    NfTablesRule()
                        .load_meta(NFT_META_NFPROTO)
                        .is(words.number)
                        .load_network(words.destination_offset, length_of(words))
                        .is_in(left)
                        .go_back(),
                    "excluded");
    if (words.family == Family::ipv6)
      batch_.add_rule(chain,
                      NfTablesRule()
                          .load_meta(NFT_META_L4PROTO)
                          .is(IPPROTO_ICMPV6)
                          .load_transport(offsetof(icmp6_hdr, icmp6_type), 1)
                          .is_between(ND_ROUTER_SOLICIT, ND_REDIRECT)
                          .go_back(),
                      "neighbour discovery");
    batch_.add_rule(chain, is_translated(translated).drop(), "masqueraded, but not now");
    batch_.add_rule(chain, NfTablesRule().load_ct(NFT_CT_STATE).has_one_of(established_or_related).go_back(),
                    "not masqueraded at its start");
    batch_.add_rule(chain, NfTablesRule().drop(), "not masqueraded");
  }

  // A reply to a pod that reaches the node itself was not translated, and the node's TCP would reset the connection.
  // The node's own address among the pods' addresses is no pod: netfilter changes the ports of the kubelet's probes on
  // a collision.
  void add_rule_against_resets(const std::string& pods, const std::string& own, const OfFamily& words) {
    NfTablesRule rule;
    rule.load_meta(NFT_META_NFPROTO).is(words.number).load_meta(NFT_META_L4PROTO).is(IPPROTO_TCP);
    is_translated(is_reply(rule));
    rule.load_ct_original(words.original_source).is_in(pods);
    rule.load_ct_original(words.original_source).is_not_in(own).drop();
    batch_.add_rule("input", rule, "reply to a pod");
  }

  NfTablesBatch batch_;
};

}  // namespace

std::vector<std::uint8_t> guard_change(const Guard& before, const Guard& after) {
  NfTablesBatch batch(netfilter::nft_guard_name);
  change_set(batch, nft_guarded_set, before.devices, after.devices);
  change_sets(batch, before.ipv4, after.ipv4, Family::ipv4);
  change_sets(batch, before.ipv6, after.ipv6, Family::ipv6);
  if (batch.is_empty()) return {};
  batch.commit();
  return batch.messages();
}

std::vector<std::uint8_t> guard_batch(const Guard& guard, bool has_owner) {
  return GuardBatch(guard, has_owner).messages();
}

}  // namespace masq::nftables
