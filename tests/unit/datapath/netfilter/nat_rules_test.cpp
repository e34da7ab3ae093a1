// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/nat_rules.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "unit/words.hpp"

namespace masq::netfilter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Lines = std::vector<std::string>;

const MasqueradedTraffic pods{.sources = cidrs("10.0.1.0/24 10.0.2.0/24 fd00:1::/64"), .devices = {"eth0", "eth1"}};

Lines texts(const MasqueradingRules& found) {
  EXPECT_TRUE(found.is_complete);
  Lines lines;
  for (const auto& rule : found.rules) lines.push_back(rule.text);
  return lines;
}

Lines in_iptables(const std::string& rules, Family family = Family::ipv4) {
  const auto chains = parse_nat_of_iptables("*nat\n:POSTROUTING ACCEPT [0:0]\n" + rules + "COMMIT\n");
  return texts(masquerading_rules(chains, "POSTROUTING", pods, family));
}

std::string listed(const std::string& name) {
  std::ifstream file(std::string(MASQ_SOURCE_DIR "/tests/unit/datapath/netfilter/rules/") + name);
  return {std::istreambuf_iterator(file), {}};
}

// Rules as `nft -j list table` and `nft -s -a list table` print them.
Lines in_nft(const std::string& name, const NftBaseChain& base, Family family = Family::ipv4) {
  NftNatTable table;
  add_nft_rules(table, base.family, base.table, listed(name + ".json"), listed(name + ".txt"));
  EXPECT_THAT(nat_chains_at_postrouting(listed(name + ".json")), ElementsAre(base));
  return texts(masquerading_rules(table.chains, base.chain, pods, family));
}

// kube-proxy, iptables mode.
constexpr const char* kube_proxy = R"(:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
)";

TEST(ForeignNatOfIptables, KubeProxyIsSilent) {
  EXPECT_THAT(in_iptables(kube_proxy), IsEmpty());
  EXPECT_THAT(in_iptables(R"(:KUBE-POSTROUTING - [0:0]
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -m mark --mark 0x4000/0x4000 -j MASQUERADE
)"),
              IsEmpty())
      << "before 1.16";
  EXPECT_THAT(in_iptables(R"(:KUBE-POSTROUTING - [0:0]
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
)"),
              IsEmpty())
      << "ipvs mode";
}

TEST(ForeignNatOfIptables, DockerAndLibvirtMasqueradeOtherNetworks) {
  EXPECT_THAT(in_iptables(R"(-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
)"),
              IsEmpty());
  EXPECT_THAT(in_iptables(R"(:LIBVIRT_PRT - [0:0]
-A POSTROUTING -j LIBVIRT_PRT
-A LIBVIRT_PRT -s 192.168.122.0/24 -d 224.0.0.0/24 -j RETURN
-A LIBVIRT_PRT -s 192.168.122.0/24 -d 255.255.255.255/32 -j RETURN
-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p tcp -j MASQUERADE --to-ports 1024-65535
-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p udp -j MASQUERADE --to-ports 1024-65535
-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE
)"),
              IsEmpty());
}

TEST(ForeignNatOfIptables, PodmanMasqueradesItsNetworkAndMarkedPackets) {
  EXPECT_THAT(in_iptables(R"(:NETAVARK-1D8721804F16F - [0:0]
:NETAVARK-HOSTPORT-MASQ - [0:0]
-A POSTROUTING -j NETAVARK-HOSTPORT-MASQ
-A POSTROUTING -s 10.88.0.0/16 -j NETAVARK-1D8721804F16F
-A NETAVARK-1D8721804F16F -d 10.88.0.0/16 -j ACCEPT
-A NETAVARK-1D8721804F16F ! -d 224.0.0.0/4 -j MASQUERADE
-A NETAVARK-HOSTPORT-MASQ -m comment --comment "netavark portfw masq mark" -m mark --mark 0x2000/0x2000 -j MASQUERADE
)"),
              IsEmpty());
}

TEST(ForeignNatOfIptables, TheSameNetworkIsNamed) {
  const std::string docker = "-A POSTROUTING -s 10.0.1.0/24 ! -o docker0 -j MASQUERADE";
  EXPECT_THAT(in_iptables(docker + "\n"), ElementsAre(docker));
  const std::string wide = "-A POSTROUTING -s 10.0.0.0/8 ! -d 10.0.0.0/8 -j SNAT --to-source 192.0.2.1";
  EXPECT_THAT(in_iptables(wide + "\n"), ElementsAre(wide));
  const std::string hairpin = "-A POSTROUTING -s 10.0.1.2/32 -d 10.0.1.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE\n";
  EXPECT_THAT(in_iptables(hairpin), IsEmpty()) << "masq does not masquerade packets to the pod CIDRs";
}

TEST(ForeignNatOfIptables, TheIpMasqAgentIsNamed) {
  EXPECT_THAT(
      in_iptables(R"RULES(:IP-MASQ-AGENT - [0:0]
-A POSTROUTING -m comment --comment "ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom IP-MASQ-AGENT chain" -m addrtype ! --dst-type LOCAL -j IP-MASQ-AGENT
-A IP-MASQ-AGENT -d 169.254.0.0/16 -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -m addrtype ! --dst-type LOCAL -j RETURN
-A IP-MASQ-AGENT -d 10.0.0.0/8 -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -m addrtype ! --dst-type LOCAL -j RETURN
-A IP-MASQ-AGENT -m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)" -m addrtype ! --dst-type LOCAL -j MASQUERADE
)RULES"),
      ElementsAre("-A IP-MASQ-AGENT -m comment --comment \"ip-masq-agent: outbound traffic is subject to MASQUERADE "
                  "(must be last in chain)\" -m addrtype ! --dst-type LOCAL -j MASQUERADE"));
}

TEST(ForeignNatOfIptables, FlannelIsNamedAfterItsReturns) {
  EXPECT_THAT(
      in_iptables(R"(:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.0.1.0/24 -d 10.0.0.0/16 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.0.0.0/16 -d 10.0.1.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s 10.0.0.0/16 -d 10.0.1.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.0.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
)"),
      ElementsAre("-A FLANNEL-POSTRTG -s 10.0.0.0/16 ! -d 224.0.0.0/4 -m comment --comment \"flanneld masq\" -j "
                  "MASQUERADE --random-fully"));
}

TEST(ForeignNatOfIptables, ConditionsDecide) {
  struct Case {
    const char* rule;
    bool is_named;
  };
  const Case cases[] = {
      {"-A POSTROUTING -j MASQUERADE", true},
      {"-A POSTROUTING -o eth0 -j MASQUERADE", true},
      {"-A POSTROUTING -o eth+ -j MASQUERADE", true},
      {"-A POSTROUTING -o wlan0 -j MASQUERADE", false},
      {"-A POSTROUTING ! -o eth+ -j MASQUERADE", false},
      {"-A POSTROUTING ! -o eth0 -j MASQUERADE", true},
      {"-A POSTROUTING -m set --match-set pods src -j MASQUERADE", true},
      {"-A POSTROUTING ! -s 10.0.0.0/16 -j MASQUERADE", false},
      {"-A POSTROUTING ! -s 10.0.1.0/24 -j MASQUERADE", true},
      {"-A POSTROUTING -s 10.0.2.8/32 -j MASQUERADE", true},
      {"-A POSTROUTING -d 10.0.1.0/24 -j MASQUERADE", false},
      {"-A POSTROUTING -m iprange --src-range 10.0.1.7-10.0.1.9 -j MASQUERADE", true},
      {"-A POSTROUTING -m iprange --src-range 10.0.3.7-10.0.3.9 -j MASQUERADE", false},
      {"-A POSTROUTING -m connmark --mark 0x1 -j MASQUERADE", false},
      {"-A POSTROUTING -m mark --mark 0x0/0xff -j MASQUERADE", true},
      {"-A POSTROUTING -m mark --mark nonsense -j MASQUERADE", true},
      {"-A POSTROUTING -s 10.0.0.0/255.0.255.0 -j MASQUERADE", true},
      {"-A POSTROUTING -m comment --comment \"\\\"-j RETURN\" -j MASQUERADE", true},
      {"-A POSTROUTING -m comment --comment \"-j MASQUERADE\" -j ACCEPT", false},
      {"-A POSTROUTING", false},
      {"-A POSTROUTING -j", false},
      {"-A POSTROUTING -s", false},
      {"-A", false},
  };
  for (const auto& one : cases)
    EXPECT_THAT(in_iptables(std::string(one.rule) + "\n").size(), one.is_named ? 1 : 0) << one.rule;
}

TEST(ForeignNatOfIptables, APacketMeetsTheRulesInTheirOrder) {
  EXPECT_THAT(in_iptables("-A POSTROUTING -s 10.0.0.0/16 -j ACCEPT\n-A POSTROUTING -j MASQUERADE\n"), IsEmpty());
  EXPECT_THAT(in_iptables("-A POSTROUTING -s 10.0.1.0/24 -j ACCEPT\n-A POSTROUTING -j MASQUERADE\n"),
              ElementsAre("-A POSTROUTING -j MASQUERADE"));
  EXPECT_THAT(in_iptables("-A POSTROUTING -s 10.0.1.0/24 -j ACCEPT\n-A POSTROUTING -s 10.0.1.0/24 -j MASQUERADE\n"),
              IsEmpty());
  EXPECT_THAT(in_iptables(":a - [0:0]\n-A POSTROUTING -g a\n-A POSTROUTING -j MASQUERADE\n"), IsEmpty());
  EXPECT_THAT(
      in_iptables(":a - [0:0]\n-A POSTROUTING -j a\n-A a -j RETURN\n-A a -j SNAT\n-A POSTROUTING -j MASQUERADE\n"),
      ElementsAre("-A POSTROUTING -j MASQUERADE"));
  EXPECT_THAT(
      in_iptables("-A POSTROUTING -j MARK --set-xmark 0x1/0x1\n-A POSTROUTING -m mark --mark 0x1 -j MASQUERADE\n"),
      ElementsAre("-A POSTROUTING -m mark --mark 0x1 -j MASQUERADE"));
  EXPECT_THAT(in_iptables(":a - [0:0]\n-A POSTROUTING -j a\n-A a -j a\n"), IsEmpty()) << "a loop ends";
}

TEST(ForeignNatOfIptables, MasqsOwnChainsArePassedOver) {
  EXPECT_THAT(
      in_iptables(":MASQ-POSTROUTING - [0:0]\n-A POSTROUTING -j MASQ-POSTROUTING\n-A MASQ-POSTROUTING -j SNAT\n"),
      IsEmpty());
}

TEST(ForeignNatOfIptables, OnlyTheTableNatCounts) {
  EXPECT_TRUE(parse_nat_of_iptables("*mangle\n:POSTROUTING ACCEPT\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n").empty());
  EXPECT_TRUE(parse_nat_of_iptables("").empty());
}

TEST(ForeignNatOfNft, KubeProxyLibvirtAndPodmanAreSilent) {
  EXPECT_THAT(in_nft("kube-proxy-nftables", {"ip", "kube-proxy", "nat-postrouting"}), IsEmpty());
  EXPECT_THAT(in_nft("libvirt-nftables", {"ip", "libvirt_network", "guest_nat"}), IsEmpty());
  EXPECT_THAT(in_nft("netavark-nftables", {"inet", "netavark", "POSTROUTING"}), IsEmpty());
}

TEST(ForeignNatOfNft, AFirewallThatMasqueradesAllIsNamed) {
  const NftBaseChain base{"inet", "firewalld", "nat_POSTROUTING"};
  EXPECT_THAT(in_nft("firewalld", base), ElementsAre("meta nfproto ipv4 oifname != \"lo\" masquerade"));
  EXPECT_THAT(in_nft("firewalld", base, Family::ipv6), IsEmpty());
}

TEST(ForeignNatOfNft, ConditionsDecide) {
  const NftBaseChain base{"inet", "theirs", "c"};
  EXPECT_THAT(in_nft("kinds-of-rules", base),
              ElementsAre("ip saddr @pods masquerade",
                          "ip saddr { 10.0.1.4-10.0.1.9, 172.16.0.0/12 } oifname { \"eth0\", \"eth1\" } counter "
                          "masquerade comment \"a set # handle 1\"",
                          "snat ip to 192.0.2.77"))
      << "the map accepts 10.0.2.0/24, and sends 10.0.1.0/24 to the chain";
  EXPECT_THAT(in_nft("kinds-of-rules", base, Family::ipv6), ElementsAre("ip6 saddr fd00::/8 masquerade"));
}

TEST(ForeignNatOfNft, RulesOfIptablesAreReadWithoutItsTools) {
  EXPECT_THAT(in_nft("iptables-nft", {"ip", "nat", "POSTROUTING"}),
              ElementsAre("ip saddr 10.0.0.0/8 fib daddr type != local counter masquerade"));
}

TEST(ForeignNatOfNft, AnyShapeOfTheListingIsAccepted) {
  for (const auto* json :
       {"", "no JSON", "[]", "3", "{}", R"({"nftables": 3})",
        R"({"nftables": [3, null, [], {"chain": 3}, {"rule": []}]})",
        R"({"nftables": [{"chain": {"type": "nat", "hook": "postrouting", "family": 3, "table": null}}]})",
        R"({"nftables": [{"map": {"family": "ip", "table": "t", "name": 3, "elem": 4}},
            {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": "x", "expr": 3}},
            {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": -1, "expr": [3, {}, {"match": 3},
              {"match": {"op": 3, "left": [], "right": {}}}, {"match": {"op": "==", "left": {"payload": {"protocol": 3}}}},
              {"match": {"op": "==", "left": {"payload": {"field": "saddr"}}, "right": {"prefix": {"addr": 3, "len": "x"}}}},
              {"match": {"op": "==", "left": {"&": [3]}, "right": -1}}, {"vmap": {"data": 3}}]}},
            {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"vmap": {"key": 3, "data": {"set": [3, [1], [1, 2], [1, {}]]}}}]}},
            {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"jump": {"target": 3}}, {"xt": 3}]}}]})"}) {
    NftNatTable table;
    add_nft_rules(table, "ip", "t", json, "table ip t {\n # handle\n { # handle x\n");
    nat_chains_at_postrouting(json);
    EXPECT_THAT(texts(masquerading_rules(table.chains, "c", pods, Family::ipv4)), IsEmpty()) << json;
  }
}

TEST(ForeignNat, WorkIsBounded) {
  MasqueradedTraffic many{.sources = {}, .devices = {"eth0"}};
  for (int i = 0; i < 65536; ++i) many.sources.push_back(cidrs(fmt::format("10.{}.{}.0/24", i / 256, i % 256)).front());
  std::string rules = "*nat\n:POSTROUTING ACCEPT\n";
  for (int i = 0; i < 1000; ++i) rules += "-A POSTROUTING ! -s 192.168.0.0/16 -p tcp -j ACCEPT\n";
  const auto found = masquerading_rules(parse_nat_of_iptables(rules), "POSTROUTING", many, Family::ipv4);
  EXPECT_FALSE(found.is_complete);
}

TEST(ForeignNat, ChainsThatLeadToEachOtherEnd) {
  const std::string rules =
      "*nat\n:POSTROUTING ACCEPT\n:A -\n:B -\n-A POSTROUTING -j A\n"
      "-A A -p tcp -j B\n-A A -p udp -j B\n-A B -p tcp -j A\n-A B -p udp -j A\n";
  const auto found =
      masquerading_rules(parse_nat_of_iptables(rules + "-A B -j MASQUERADE\n"), "POSTROUTING", pods, Family::ipv4);
  EXPECT_TRUE(found.is_complete);
  EXPECT_THAT(texts(found), ElementsAre("-A B -j MASQUERADE"));
}

}  // namespace
}  // namespace masq::netfilter
