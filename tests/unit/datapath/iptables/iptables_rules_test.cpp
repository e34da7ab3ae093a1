// SPDX-License-Identifier: Apache-2.0
#include "datapath/iptables/iptables_rules.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "model/desired.hpp"
#include "model/policy.hpp"
#include "unit/words.hpp"

namespace masq::iptables {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Desired small_node() {
  Desired desired;
  desired.uplinks = {{.ifindex = 2, .name = "eth0", .ipv4 = {"192.0.2.10"_ip}, .ipv6 = {"2001:db8::10"_ip}}};
  desired.ipv4.sources = cidrs("10.0.1.0/24");
  desired.ipv4.rules = flatten({.native_routing = cidrs("10.0.0.0/9"),
                                .non_masquerade = cidrs("0.0.0.0/0"),
                                .masquerade = cidrs("10.192.0.0/10"),
                                .nodes = cidrs("10.200.0.1/32")});
  desired.ip_masq_agent = true;
  desired.ip_masq_agent_rules = {.non_masquerade = cidrs("0.0.0.0/0"), .masquerade = cidrs("10.192.0.0/10")};
  desired.ports = {{.low = 1024, .high = 29999}, {.low = 61000, .high = 65535}};
  return desired;
}

std::vector<std::string> texts(const std::vector<IptablesRule>& rules) {
  std::vector<std::string> found;
  for (const auto& rule : rules) found.push_back(rule.text);
  return found;
}

TEST(IptablesRules, AskInTheOrderOfCiliumsDocumentation) {
  auto state = iptables_state(small_node(), Family::ipv4, {"eth0"});
  EXPECT_THAT(texts(state.nat["MASQ-POSTROUTING"]),
              ElementsAre("-o eth0 -m set --match-set masq-pods4 src -j MASQ-DECIDE"));
  EXPECT_THAT(texts(state.nat["MASQ-DECIDE"]),
              ElementsAre("-m set --match-set masq-nodes4 dst -j RETURN", "-m set --match-set masq-pods4 dst -j RETURN",
                          "-d 10.0.0.0/9 -j RETURN", "-m set --match-set masq-agent4 dst -j RETURN",
                          "-m set --match-set masq-own4 dst -j RETURN", "-d 255.255.255.255 -j RETURN",
                          "-d 224.0.0.0/4 -j RETURN",
                          "-o eth0 -p tcp --sport 61000:65535 -j SNAT --to-source 192.0.2.10:61000-65535",
                          "-o eth0 -p tcp -j SNAT --to-source 192.0.2.10:1024-29999",
                          "-o eth0 -p udp --sport 61000:65535 -j SNAT --to-source 192.0.2.10:61000-65535",
                          "-o eth0 -p udp -j SNAT --to-source 192.0.2.10:1024-29999",
                          "-o eth0 -j SNAT --to-source 192.0.2.10"));
}

TEST(IptablesRules, LowPortsStayInTheirClass) {
  auto desired = small_node();
  desired.kept_ports = {{.low = 1, .high = 1023}};
  const auto rules = texts(iptables_state(desired, Family::ipv6, {"eth0"}).nat["MASQ-DECIDE"]);
  for (const std::string protocol : {"tcp", "udp"}) {
    const auto begin =
        std::ranges::find(rules, "-o eth0 -p " + protocol + " --sport 1:511 -j SNAT --to-source [2001:db8::10]:1-511");
    ASSERT_NE(begin, rules.end());
    EXPECT_EQ(*(begin + 1), "-o eth0 -p " + protocol + " --sport 512:1023 -j SNAT --to-source [2001:db8::10]:512-1023");
  }
}

TEST(IptablesRules, RandomFullyAndIpv6) {
  auto desired = small_node();
  desired.kernel.random_fully = true;
  auto state = iptables_state(desired, Family::ipv6, {"eth0"});
  EXPECT_THAT(texts(state.nat["MASQ-DECIDE"]).back(), "-o eth0 -j SNAT --to-source 2001:db8::10 --random-fully");
  EXPECT_THAT(texts(state.nat["MASQ-DECIDE"]),
              testing::Contains("-o eth0 -p udp -j SNAT --to-source [2001:db8::10]:1024-29999 --random-fully"));
  state = iptables_state(desired, Family::ipv6, {"eth0"}, {.made = {}, .has_random_fully = false});
  EXPECT_THAT(texts(state.nat["MASQ-DECIDE"]).back(), "-o eth0 -j SNAT --to-source 2001:db8::10 --random");
}

TEST(IptablesRules, FirstPacketsMustComeFromTheWayBack) {
  auto desired = small_node();
  desired.pod_devices.shared = {"eth5"};
  auto state = iptables_state(desired, Family::ipv4, {"eth0"});
  EXPECT_THAT(texts(state.mangle["PREROUTING"]),
              ElementsAre("-m conntrack --ctstate NEW -m set --match-set masq-pods4 src -j MASQ-ORIGIN"));
  EXPECT_THAT(texts(state.mangle["MASQ-ORIGIN"]),
              ElementsAre("-m addrtype --dst-type LOCAL -j RETURN", "-m set --match-set masq-pods4 dst -j RETURN",
                          "-m set --match-set masq-own4 dst -j RETURN", "-d 224.0.0.0/4 -j RETURN", "-i eth5 -j RETURN",
                          "-m rpfilter -j RETURN", "-i eth0 -j DROP", "-m set --match-set masq-many4 src -j RETURN",
                          "-j DROP"));
  EXPECT_FALSE(
      iptables_state(desired, Family::ipv4, {}, {.made = {}, .has_rpfilter = false}).mangle.contains("MASQ-ORIGIN"));
  desired.kernel.verify_source = false;
  EXPECT_FALSE(iptables_state(desired, Family::ipv4, {}).mangle.contains("PREROUTING"));
}

TEST(IptablesRules, TheLongestRouteTellsWhoIsBehindASharedDevice) {
  auto desired = small_node();
  desired.pod_devices.routes_of_many = cidrs("10.0.1.0/24 fd00::/64");
  desired.pod_devices.others_inside = cidrs("10.0.1.7/32");
  const auto sets = ip_sets(desired, Family::ipv4);
  EXPECT_THAT(find_set(sets, "masq-many4")->members, ElementsAre("10.0.1.0/24", "10.0.1.7/32 nomatch"));
}

TEST(IptablesRules, WhatIsReadBackIsEqual) {
  const auto wanted = iptables_state(small_node(), Family::ipv4, {"eth0", "wan0"});
  const auto text = change_iptables({}, wanted);
  EXPECT_THAT(text, HasSubstr("*nat\n:MASQ-DECIDE - [0:0]\n:MASQ-POSTROUTING - [0:0]\n"));
  EXPECT_THAT(text, HasSubstr("-I POSTROUTING 1 -m comment --comment \"masq: to masq ["));
  auto saved = text;
  for (const std::string chain : {"POSTROUTING", "PREROUTING"})
    for (std::size_t at; (at = saved.find("-I " + chain + " 1")) != std::string::npos;)
      saved.replace(at, chain.size() + 5, "-A " + chain);
  EXPECT_EQ(parse_iptables(saved), wanted);
  EXPECT_EQ(change_iptables(parse_iptables(saved), wanted), "");
  EXPECT_THAT(guarded_devices(parse_iptables(saved)), ElementsAre("eth0", "wan0"));
}

TEST(IptablesRules, OnlyTheChainThatDiffersIsWrittenAnew) {
  const auto wanted = iptables_state(small_node(), Family::ipv4, {"eth0"});
  auto actual = wanted;
  actual.mangle["MASQ-GUARD"].clear();
  const auto text = change_iptables(actual, wanted);
  EXPECT_THAT(text, testing::StartsWith("*mangle\n:MASQ-GUARD - [0:0]\n-A MASQ-GUARD -m comment"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 4);
}

TEST(IptablesRules, RemovalTakesTheJumpFirstAndLeavesOthersAlone) {
  const auto state = parse_iptables(R"(*nat
:POSTROUTING ACCEPT [0:0]
:MASQ-DECIDE - [0:0]
-A POSTROUTING -m comment --comment "masq: to masq [1]" -j MASQ-DECIDE
-A POSTROUTING -j MASQUERADE
-A MASQ-DECIDE -m comment --comment "masq: x [2]" -j RETURN
COMMIT
)");
  EXPECT_EQ(change_iptables(state, {}), R"(*nat
:MASQ-DECIDE - [0:0]
-D POSTROUTING -m comment --comment "masq: to masq [1]" -j MASQ-DECIDE
-X MASQ-DECIDE
COMMIT
)");
}

TEST(IptablesRules, CountersAreFoundByTheirMeaning) {
  const std::string saved = R"(*mangle
[3:180] -A MASQ-LEAK -m comment --comment "masq: no_mapping [1a]" -j DROP
[5:300] -A MASQ-LEAK -m comment --comment "masq: no_external_address [2b]" -j DROP
COMMIT
)";
  EXPECT_EQ(packets_of(saved, "no_mapping"), 3u);
  EXPECT_EQ(packets_of(saved, "no_external_address"), 5u);
}

TEST(IpSets, TheLongestPrefixDecides) {
  const auto sets = ip_sets(small_node(), Family::ipv4);
  EXPECT_THAT(sets[0].members, ElementsAre("10.0.1.0/24"));
  EXPECT_THAT(sets[3].members, ElementsAre("0.0.0.0/1", "10.192.0.0/10 nomatch", "128.0.0.0/1"));
}

TEST(IpSets, AreReplacedAtOneGo) {
  const IpSet set{.name = "masq-own4", .family = Family::ipv4, .members = {"192.0.2.10/32"}};
  EXPECT_EQ(render_ip_set(set, false),
            "create masq-own4 hash:net family inet maxelem 65536\nadd masq-own4 192.0.2.10/32\n");
  EXPECT_EQ(render_ip_set(set, true),
            "create masq-own4-new hash:net family inet maxelem 65536\nadd masq-own4-new 192.0.2.10/32\n"
            "swap masq-own4-new masq-own4\ndestroy masq-own4-new\n");
}

TEST(IpSets, AreReadBack) {
  const auto sets = parse_ip_sets(
      "create theirs hash:ip family inet hashsize 1024 maxelem 65536\nadd theirs 1.2.3.4\n"
      "create masq-agent4 hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1\n"
      "add masq-agent4 192.0.2.10\nadd masq-agent4 10.192.0.0/10 nomatch\n");
  ASSERT_EQ(sets.size(), 1u);
  EXPECT_THAT(sets[0].members, ElementsAre("10.192.0.0/10 nomatch", "192.0.2.10/32"));
}

// Whatever another process put in masq's chains and sets, or a tool prints.
TEST(IptablesRules, LinesOfAnyShapeAreRead) {
  const auto state =
      parse_iptables("*nat\n:MASQ-POSTROUTING - [0:0]\n-A MASQ-POSTROUTING\n-A \n-A  \n:\n:MASQ-\n*\n-A MASQ-X");
  EXPECT_EQ(state.nat.at("MASQ-POSTROUTING").size(), 1U);
  EXPECT_EQ(state.nat.at("MASQ-POSTROUTING")[0].text, "");
  EXPECT_EQ(parse_ip_sets("create masq-\nadd masq-\nadd masq-pods4\nadd masq-pods4 \n").size(), 1U);
  EXPECT_EQ(packets_of("[\n[x\n[1:2] -A X -m comment --comment \"masq: \n", "no_mapping"), 0U);
}

}  // namespace
}  // namespace masq::iptables
