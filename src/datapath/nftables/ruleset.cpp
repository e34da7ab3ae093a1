// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/ruleset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/exclusion_ranges.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/netfilter/snat_rule.hpp"
#include "datapath/nftables/guard.hpp"
#include "datapath/nftables/nft_table.hpp"
#include "model/desired.hpp"

namespace masq::nftables {
namespace {

constexpr int srcnat = 100;                // NF_IP_PRI_NAT_SRC
constexpr int before_others = srcnat - 1;  // the first chain that selects an address decides
constexpr int after_nat = srcnat + 10;
constexpr int filter = 0;  // NF_IP_PRI_FILTER
static_assert(guard_priority == after_nat + 1);
constexpr unsigned masquerade_mark = 0x100;  // stored beside the prefix length, in listed_element()

struct ExclusionSet {
  Decision decision;
  const char* name;
  const char* meaning;
};
constexpr ExclusionSet exclusion_sets[] = {
    {Decision::exclude_broadcast, "broadcast", "broadcast addresses"},
    {Decision::exclude_native_routing, "native_routing", "native routing CIDRs"},
    {Decision::exclude_ip_masq_agent, "ip_masq_agent", "excluded by the ip-masq-agent"},
    {Decision::exclude_node, "nodes", "other nodes"},
    {Decision::exclude_own_address, "own", "addresses of this node"},
};

// The words that differ between the families.
struct Words {
  Family family;
  const char* ip;         // payload and target
  const char* type;       // of a set
  const char* multicast;  // including the limited broadcast
};
constexpr Words words4{Family::ipv4, "ip", "ipv4_addr", "{ 224.0.0.0/4, 255.255.255.255 }"};
constexpr Words words6{Family::ipv6, "ip6", "ipv6_addr", "ff00::/8"};

std::string at(const char* what, const Words& words) {
  return nft_name(what, words.family);
}

std::vector<std::string> texts(const std::vector<AddressRange>& ranges) {
  std::vector<std::string> elements;
  elements.reserve(ranges.size());
  for (const auto& range : ranges) elements.push_back(range.to_string());
  std::ranges::sort(elements);
  return elements;
}

NftSet interval_set(const char* name, const Words& words, const std::vector<AddressRange>& ranges) {
  return {.name = at(name, words), .type = words.type, .interval = true, .elements = texts(ranges)};
}

std::vector<AddressRange> pod_ranges(const FamilyPolicy& policy) {
  std::vector<AddressRange> ranges;
  if (policy.enabled)
    for (const auto& source : policy.sources) ranges.push_back(AddressRange::of(source));
  return netfilter::without(netfilter::merged(std::move(ranges)), policy.own_inside);
}

NftSet listed_set(const Desired& desired, const Words& words) {
  NftSet set{.name = at("listed", words), .type = fmt::format("{} . mark", words.type), .elements = {}};
  const auto& excluded = desired.ip_masq_agent_rules.non_masquerade;
  for (const auto& cidr : of_family(excluded, words.family)) set.elements.push_back(listed_element({cidr, false}));
  for (const auto& cidr : of_family(desired.ip_masq_agent_rules.masquerade, words.family))
    if (!std::ranges::binary_search(excluded, cidr)) set.elements.push_back(listed_element({cidr, true}));
  std::ranges::sort(set.elements);
  if (!desired.ip_masq_agent) set.elements.clear();
  return set;
}

// Returns the destinations that are excluded for this reason.
std::vector<AddressRange> ranges_of(Decision decision, const std::vector<netfilter::ExclusionRange>& ranges) {
  std::vector<AddressRange> selected;
  for (const auto& excluded : ranges)
    if (excluded.decision == decision) selected.push_back(excluded.range);
  return selected;
}

void add_sets(NftTable& table, const Desired& desired, const Words& words) {
  table.sets.push_back(interval_set("pods", words, pod_ranges(desired.family(words.family))));
  const auto ranges = netfilter::exclusion_ranges(desired.family(words.family).rules);
  for (const auto& exclusion : exclusion_sets)
    table.sets.push_back(interval_set(exclusion.name, words, ranges_of(exclusion.decision, ranges)));
  table.sets.push_back(listed_set(desired, words));
}

NftSet guarded_set(const std::vector<std::string>& guarded) {
  return {.name = nft_guarded_set, .type = "ifname", .elements = guarded};
}

// Matches outbound packets that still have a pod's source address. The address comes first: packets that NAT has
// translated have another one, and skip the comparison of the device name.
NftRule from_pods(const Words& words, const char* verdict, const char* chain) {
  return make_rule(fmt::format("{} saddr @{} oifname @{} {} {}", words.ip, at("pods", words), nft_guarded_set, verdict,
                               at(chain, words)),
                   "from pods, through an uplink");
}

NftRule exclude(const Words& words, const std::string& destinations, const char* meaning) {
  return make_rule(fmt::format("{} daddr {} return", words.ip, destinations), meaning);
}

std::vector<NftRule> exclusion_rules(const Words& words) {
  std::vector<NftRule> rules = {exclude(words, words.multicast, "multicast and broadcast"),
                                exclude(words, "@" + at("pods", words), "pod CIDRs")};
  for (const auto& exclusion : exclusion_sets)
    rules.push_back(exclude(words, "@" + at(exclusion.name, words), exclusion.meaning));
  return rules;
}

std::string condition(const netfilter::SnatRule& line, const Words& words) {
  auto text = fmt::format("oifname \"{}\"", line.device);
  if (line.destination) text += fmt::format(" {} daddr {}", words.ip, line.destination->to_string());
  // The seed is fixed, so that all rules see the same hash.
  if (line.shares > 1)
    text += fmt::format(" jhash {} saddr mod {} seed 0x6d617371 {}", words.ip, line.shares, line.share);
  return text;
}

// TCP and UDP keep a port inside the ranges. Other protocols have no port, or an identifier (ICMP) that may have any
// value.
void add_snat_rule(std::vector<NftRule>& rules, const netfilter::SnatRule& line, const Words& words,
                   const Desired& desired) {
  const auto when = condition(line, words);
  const auto to = line.external.to_string();
  const auto with_port = words.family == Family::ipv6 ? fmt::format("[{}]", to) : to;
  const auto* const random = desired.kernel.random_fully ? " fully-random" : "";
  const auto meaning = fmt::format("as {}", to);
  for (const auto& [sources, external] : netfilter::port_rules(desired)) {
    const auto from = sources ? fmt::format(" th sport {}", sources->to_string()) : "";
    rules.push_back(make_rule(fmt::format("{} meta l4proto {{ tcp, udp }}{} snat {} to {}:{}{}", when, from, words.ip,
                                          with_port, external.to_string(), random),
                              meaning));
  }
  rules.push_back(make_rule(fmt::format("{} snat {} to {}{}", when, words.ip, to, random), meaning));
}

NftChain decide_chain(const Desired& desired, const Words& words) {
  NftChain chain{.name = at("decide", words), .hook = {}, .rules = exclusion_rules(words)};
  chain.rules.push_back(make_rule(fmt::format("counter name {}", at("created", words)), "masqueraded connections"));
  if (desired.family(words.family).enabled)
    for (const auto& line : netfilter::snat_rules(desired, words.family))
      add_snat_rule(chain.rules, line, words, desired);
  return chain;
}

NftRule drop_translated(const Words& words, const std::string& counter) {
  return make_rule(fmt::format("ct status snat {}drop", counter),
                   fmt::format("masqueraded, but not now: IPv{}", static_cast<int>(words.family)));
}

void let_pass_without_connection(std::vector<NftRule>& rules, const Words& words) {
  if (words.family == Family::ipv6)
    rules.push_back(
        make_rule("icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, "
                  "nd-redirect } return",
                  "neighbour discovery"));
}

// Packets in this chain have a pod's source address after NAT.
NftChain leak_chain(const Words& words) {
  NftChain chain{.name = at("leak", words), .hook = {}, .rules = {}};
  auto& rules = chain.rules;
  const auto no_address = fmt::format("counter name {} ", at("no_external_address", words));
  rules.push_back(make_rule("ct direction reply return", "replies of inbound connections"));
  for (auto& rule : exclusion_rules(words)) rules.push_back(std::move(rule));
  let_pass_without_connection(rules, words);
  rules.push_back(drop_translated(words, no_address));
  rules.push_back(make_rule("ct state established,related return", "not masqueraded at its start"));
  rules.push_back(make_rule(fmt::format("ct state new {}drop", no_address), "no external address"));
  rules.push_back(make_rule(fmt::format("counter name {} drop", at("no_mapping", words)), "no connection"));
  return chain;
}

std::string names(const std::vector<std::string>& devices) {
  return fmt::format("{{ \"{}\" }}", fmt::join(devices, "\", \""));
}

// Returns the devices that only their own packets may use as a way back: uplinks, and devices of one pod.
std::vector<std::string> devices_with_an_owner(const Desired& desired) {
  std::vector<std::string> devices;
  for (const auto& uplink : desired.uplinks) devices.push_back(uplink.name);
  for (const auto& device : desired.pod_devices.single) devices.push_back(device.name);
  std::ranges::sort(devices);
  const auto repeated = std::ranges::unique(devices);
  devices.erase(repeated.begin(), repeated.end());
  return devices;
}

// First packets of pods (decision 0020). "fib saddr . iif" knows multipath routes; for IPv6 it also finds a worse route
// by the packet's own device, so a packet that arrived by an uplink is compared by the name. Devices that share a
// route, and those of a VRF, which the look-up does not know in every kernel, are not compared.
NftChain origin_chain(const Desired& desired, const Words& words) {
  NftChain chain{.name = at("origin", words), .hook = {}, .rules = {}};
  const auto owners = devices_with_an_owner(desired);
  if (!desired.kernel.verify_source || owners.empty()) return chain;
  const auto drop = fmt::format("counter name {} drop", at("spoofed_source", words));
  if (!desired.pod_devices.shared.empty())
    chain.rules.push_back(
        make_rule(fmt::format("iifname {} return", names(desired.pod_devices.shared)), "multipath routes and VRFs"));
  for (const auto& uplink : desired.uplinks)
    chain.rules.push_back(make_rule(fmt::format("iifname \"{0}\" fib saddr oifname != \"{0}\" {1}", uplink.name, drop),
                                    "a source that is not behind the uplink"));
  chain.rules.push_back(make_rule("fib saddr . iif oif exists return", "the way back is the way that the packet took"));
  chain.rules.push_back(make_rule(fmt::format("fib saddr oifname {} {}", names(owners), drop),
                                  "the address of another pod or of outside"));
  return chain;
}

// As from_pods(), for first packets; the state comes first: packets of established connections skip the rest.
NftRule first_from_pods(const Words& words) {
  return make_rule(fmt::format("ct state new {} saddr @{} oifname @{} goto {}", words.ip, at("pods", words),
                               nft_guarded_set, at("origin", words)),
                   "first packets from pods, through an uplink");
}

// A look-up of routes by source is possible in the hook "forward", and not in "postrouting".
NftChain forward_chain(const Desired& desired) {
  NftChain chain{.name = "forward", .hook = NftChain::Hook{"filter", "forward", filter}, .rules = {}};
  if (desired.kernel.verify_source) chain.rules = {first_from_pods(words4), first_from_pods(words6)};
  return chain;
}

void add_rules(NftTable& table, const Desired& desired) {
  for (const auto& words : {words4, words6}) {
    table.chains.push_back(decide_chain(desired, words));
    table.chains.push_back(origin_chain(desired, words));
    table.chains.push_back(leak_chain(words));
  }
  table.chains.push_back(forward_chain(desired));
  table.chains.push_back({.name = "postrouting",
                          .hook = NftChain::Hook{"nat", "postrouting", before_others},
                          .rules = {from_pods(words4, "goto", "decide"), from_pods(words6, "goto", "decide")}});
  table.chains.push_back({.name = "guard",
                          .hook = NftChain::Hook{"filter", "postrouting", after_nat},
                          .rules = {from_pods(words4, "goto", "leak"), from_pods(words6, "goto", "leak")}});
}

Guard::OfFamily guard_of(const FamilyPolicy& policy) {
  const auto excluded = netfilter::exclusion_ranges(policy.rules);
  Guard::OfFamily guard{.pods = pod_ranges(policy), .left = pod_ranges(policy), .own = {}};
  for (const auto& each : excluded) guard.left.push_back(each.range);
  guard.left = netfilter::merged(std::move(guard.left));
  guard.own = netfilter::merged(ranges_of(Decision::exclude_own_address, excluded));
  return guard;
}

}  // namespace

std::string nft_name(const char* what, Family family) {
  return fmt::format("{}{}", what, static_cast<int>(family));
}

std::string listed_element(const IpMasqEntry& entry) {
  const auto mark = static_cast<unsigned>(entry.cidr.length()) | (entry.masquerade ? masquerade_mark : 0);
  return fmt::format("{} . {}", entry.cidr.address().to_string(), mark);
}

Result<IpMasqEntry> parse_listed_element(const std::string& element) {
  const auto dot = element.find(" . ");
  const auto address = Address::parse(element.substr(0, dot));
  if (!address || dot == std::string::npos) return fail("{:?}: not an element of masq", element);
  unsigned mark = 0;
  std::from_chars(element.data() + dot + 3, element.data() + element.size(), mark);
  return IpMasqEntry{.cidr = Cidr(*address, static_cast<int>(mark & 0xff)), .masquerade = mark >= masquerade_mark};
}

NftTable masq_table(const Desired& desired, const std::vector<std::string>& guarded) {
  NftTable table{.name = netfilter::nft_table_name, .counters = {}, .sets = {guarded_set(guarded)}, .chains = {}};
  for (const auto& words : {words4, words6}) {
    for (const auto* counter : {"created", "no_external_address", "no_mapping", "spoofed_source"})
      table.counters.push_back(at(counter, words));
    add_sets(table, desired, words);
  }
  add_rules(table, desired);
  sort_parts(table);
  return table;
}

Guard make_guard(const Desired& desired, const std::vector<std::string>& guarded) {
  return {.devices = guarded, .ipv4 = guard_of(desired.ipv4), .ipv6 = guard_of(desired.ipv6)};
}

}  // namespace masq::nftables
