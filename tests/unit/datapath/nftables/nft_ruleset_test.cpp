// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/address_range.hpp"
#include "datapath/nftables/nft_table.hpp"
#include "datapath/nftables/ruleset.hpp"
#include "model/desired.hpp"
#include "model/policy.hpp"
#include "unit/words.hpp"

namespace masq::nftables {
namespace {

using testing::ElementsAre;

Desired small_node() {
  Desired desired;
  desired.uplinks = {{.ifindex = 2, .name = "eth0", .ipv4 = {"192.0.2.10"_ip}, .ipv6 = {"2001:db8::10"_ip}}};
  desired.ipv4.sources = cidrs("10.0.1.0/24");
  desired.ipv6.enabled = false;
  desired.ipv4.rules = flatten({.broadcast = cidrs("192.0.2.255/32"),
                                .non_masquerade = cidrs("10.0.0.0/8"),
                                .masquerade = cidrs("10.64.0.0/10"),
                                .nodes = cidrs("192.0.2.20/32"),
                                .own = cidrs("192.0.2.10/32")});
  desired.ip_masq_agent = true;
  desired.ip_masq_agent_rules = {.non_masquerade = cidrs("10.0.0.0/8"), .masquerade = cidrs("10.64.0.0/10")};
  desired.ports = {{.low = 1024, .high = 29999}, {.low = 61000, .high = 65535}};
  return desired;
}

const NftChain& chain(const NftTable& table, const std::string& name) {
  return *std::ranges::find(table.chains, name, &NftChain::name);
}
const NftSet& set(const NftTable& table, const std::string& name) {
  return *std::ranges::find(table.sets, name, &NftSet::name);
}
std::vector<std::string> rules(const NftTable& table, const std::string& name) {
  std::vector<std::string> texts;
  for (const auto& rule : chain(table, name).rules) texts.push_back(rule.text);
  return texts;
}
std::vector<std::string> texts(const std::vector<AddressRange>& ranges) {
  std::vector<std::string> texts;
  for (const auto& range : ranges) texts.push_back(range.to_string());
  std::ranges::sort(texts);
  return texts;
}
// Those that give a packet an address.
std::vector<std::string> translations(const Desired& desired, const std::string& name = "decide4") {
  auto texts = rules(masq_table(desired, {"eth0"}), name);
  std::erase_if(texts, [](const std::string& text) { return !text.contains("snat"); });
  return texts;
}

TEST(NftRuleset, DecidesInTheOrderOfTheEngine) {
  EXPECT_THAT(
      rules(masq_table(small_node(), {"eth0"}), "decide4"),
      ElementsAre("ip daddr { 224.0.0.0/4, 255.255.255.255 } return", "ip daddr @pods4 return",
                  "ip daddr @broadcast4 return", "ip daddr @native_routing4 return", "ip daddr @ip_masq_agent4 return",
                  "ip daddr @nodes4 return", "ip daddr @own4 return", "counter name created4",
                  "oifname \"eth0\" meta l4proto { tcp, udp } th sport 61000-65535 snat ip to "
                  "192.0.2.10:61000-65535",
                  "oifname \"eth0\" meta l4proto { tcp, udp } snat ip to 192.0.2.10:1024-29999",
                  "oifname \"eth0\" snat ip to 192.0.2.10"));
}

TEST(NftRuleset, DropsWhatStillBearsAPodsAddress) {
  EXPECT_THAT(
      rules(masq_table(small_node(), {"eth0"}), "leak4"),
      ElementsAre("ct direction reply return", "ip daddr { 224.0.0.0/4, 255.255.255.255 } return",
                  "ip daddr @pods4 return", "ip daddr @broadcast4 return", "ip daddr @native_routing4 return",
                  "ip daddr @ip_masq_agent4 return", "ip daddr @nodes4 return", "ip daddr @own4 return",
                  "ct status snat counter name no_external_address4 drop", "ct state established,related return",
                  "ct state new counter name no_external_address4 drop", "counter name no_mapping4 drop"));
}

TEST(NftRuleset, FirstPacketsMustComeFromTheWayBack) {
  auto desired = small_node();
  desired.pod_devices.single = {{.ifindex = 9, .name = "lxc1", .has_route = true}};
  desired.pod_devices.shared = {"eth5", "red"};
  auto table = masq_table(desired, {"eth0"});
  EXPECT_THAT(rules(table, "forward"), ElementsAre("ct state new ip saddr @pods4 oifname @guarded goto origin4",
                                                   "ct state new ip6 saddr @pods6 oifname @guarded goto origin6"));
  EXPECT_THAT(rules(table, "origin4"),
              ElementsAre("iifname { \"eth5\", \"red\" } return",
                          "iifname \"eth0\" fib saddr oifname != \"eth0\" counter name spoofed_source4 drop",
                          "fib saddr . iif oif exists return",
                          "fib saddr oifname { \"eth0\", \"lxc1\" } counter name spoofed_source4 drop"));
  desired.kernel.verify_source = false;
  table = masq_table(desired, {"eth0"});
  EXPECT_THAT(rules(table, "forward"), ElementsAre());
  EXPECT_THAT(rules(table, "origin6"), ElementsAre());
}

TEST(NftRuleset, GuardsAskForTheAddressFirst) {
  EXPECT_THAT(
      rules(masq_table(small_node(), {"eth0"}), "guard"),
      ElementsAre("ip saddr @pods4 oifname @guarded goto leak4", "ip6 saddr @pods6 oifname @guarded goto leak6"));
}

TEST(NftRuleset, SetsHoldDisjointRanges) {
  const auto table = masq_table(small_node(), {"eth0", "eth1"});
  EXPECT_THAT(set(table, "ip_masq_agent4").elements, ElementsAre("10.0.0.0/10", "10.128.0.0/9"));
  EXPECT_THAT(set(table, "nodes4").elements, ElementsAre("192.0.2.20"));
  EXPECT_THAT(set(table, "own4").elements, ElementsAre("192.0.2.10"));
  EXPECT_THAT(set(table, "guarded").elements, ElementsAre("eth0", "eth1"));
  EXPECT_THAT(set(table, "pods6").elements, ElementsAre());
}

TEST(NftRuleset, RemembersTheFileAsItWasWritten) {
  EXPECT_THAT(set(masq_table(small_node(), {}), "listed4").elements, ElementsAre("10.0.0.0 . 8", "10.64.0.0 . 266"));
  const auto entry = parse_listed_element("10.64.0.0 . 266").value();
  EXPECT_EQ(entry.cidr, "10.64.0.0/10"_cidr);
  EXPECT_TRUE(entry.masquerade);
  EXPECT_FALSE(parse_listed_element("10.64.0.0").has_value());
}

TEST(NftRuleset, RandomPortsAreOfTheLargestRange) {
  auto desired = small_node();
  desired.kernel.random_fully = true;
  EXPECT_THAT(translations(desired),
              ElementsAre("oifname \"eth0\" meta l4proto { tcp, udp } snat ip to 192.0.2.10:1024-29999 fully-random",
                          "oifname \"eth0\" snat ip to 192.0.2.10 fully-random"));
}

// The kernel keeps the classes of ports below 1024 itself only in rules without a range.
TEST(NftRuleset, LowPortsStayInTheirClass) {
  auto desired = small_node();
  desired.kept_ports = {{.low = 1, .high = 599}, {.low = 601, .high = 1023}, {.low = 32768, .high = 60999}};
  const std::string match = "oifname \"eth0\" meta l4proto { tcp, udp } ", snat = "snat ip to 192.0.2.10";
  EXPECT_THAT(translations(desired),
              ElementsAre(match + "th sport 1-511 " + snat + ":1-511", match + "th sport 512-599 " + snat + ":512-599",
                          match + "th sport 512-1023 " + snat + ":601-1023",
                          match + "th sport 1024-29999 " + snat + ":1024-29999", match + snat + ":32768-65535",
                          "oifname \"eth0\" " + snat));
  desired.kernel.random_fully = true;
  EXPECT_THAT(translations(desired),
              ElementsAre(match + "th sport 1-511 " + snat + ":1-511 fully-random",
                          match + "th sport 512-1023 " + snat + ":601-1023 fully-random",
                          match + snat + ":32768-65535 fully-random", "oifname \"eth0\" " + snat + " fully-random"));
}

TEST(NftRuleset, APodKeepsItsAddressOfAPool) {
  auto desired = small_node();
  desired.uplinks[0].ipv4.push_back("192.0.2.11"_ip);
  desired.ports = {{.low = 1024, .high = 65535}};
  EXPECT_THAT(
      translations(desired),
      ElementsAre("oifname \"eth0\" jhash ip saddr mod 2 seed 0x6d617371 0 meta l4proto { tcp, udp } snat ip to "
                  "192.0.2.10:1024-65535",
                  "oifname \"eth0\" jhash ip saddr mod 2 seed 0x6d617371 0 snat ip to 192.0.2.10",
                  "oifname \"eth0\" jhash ip saddr mod 2 seed 0x6d617371 1 meta l4proto { tcp, udp } snat ip to "
                  "192.0.2.11:1024-65535",
                  "oifname \"eth0\" jhash ip saddr mod 2 seed 0x6d617371 1 snat ip to 192.0.2.11"));
}

TEST(NftRuleset, RoutesWithASourceOfTheirOwnComeFirst) {
  auto desired = small_node();
  desired.ports = {{.low = 1024, .high = 65535}};
  desired.source_routes = {{.destination = "198.51.100.0/24"_cidr, .device = "eth0", .source = "192.0.2.11"_ip}};
  EXPECT_EQ(translations(desired).front(),
            "oifname \"eth0\" ip daddr 198.51.100.0/24 meta l4proto { tcp, udp } snat ip to 192.0.2.11:1024-65535");
}

TEST(NftRuleset, NothingIsTranslatedForAFamilyThatIsOff) {
  EXPECT_THAT(translations(small_node(), "decide6"), ElementsAre());
  auto desired = small_node();
  desired.ipv6.enabled = true;
  desired.ports = {{.low = 1024, .high = 65535}};
  EXPECT_THAT(translations(desired, "decide6"),
              ElementsAre("oifname \"eth0\" meta l4proto { tcp, udp } snat ip6 to [2001:db8::10]:1024-65535",
                          "oifname \"eth0\" snat ip6 to 2001:db8::10"));
}

TEST(NftRuleset, TheGuardHasOneSetOfAllThatIsLeftAlone) {
  const auto guard = make_guard(small_node(), {"eth0"});
  EXPECT_THAT(guard.devices, ElementsAre("eth0"));
  EXPECT_THAT(texts(guard.ipv4.left),
              ElementsAre("10.0.0.0/10", "10.128.0.0/9", "192.0.2.10", "192.0.2.20", "192.0.2.255"));
  EXPECT_THAT(texts(guard.ipv4.own), ElementsAre("192.0.2.10"));
}

}  // namespace
}  // namespace masq::nftables
