// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/port_range.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/devices.hpp"
#include "model/finding.hpp"
#include "model/ip_masq_agent.hpp"
#include "model/mapped_ports.hpp"
#include "model/node.hpp"
#include "model/pod_cidrs.hpp"
#include "unit/model/nodes.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A node with one uplink and a container bridge.
Node small_node() {
  return {.links = {loopback("127.0.0.1/8 ::1/128"), device("eth0", 2, "192.0.2.10/24 2001:db8::10/64 fe80::10/64"),
                    bridge("cni0", 3, "10.0.0.1/24 fd00::1/112 fe80::1/64")},
          .routes = {by_gateway("0.0.0.0/0", 2), by_gateway("::/0", 2), connected("192.0.2.0/24", 2),
                     connected("10.0.0.0/24", 3)}};
}

Desired decided(const Config& config = {}, const Node& node = small_node()) {
  return decide(config, node);
}

std::string pods_of(const Config& config, const Node& node, Family family) {
  std::vector<Finding> findings;
  std::vector<Cidr> cidrs;
  for (const auto& pod : pod_cidrs(config, node, family, findings)) cidrs.push_back(pod.cidr);
  return join(cidrs);
}

Decision toward(const Desired& desired, std::string_view destination) {
  const auto address = Address::parse(destination).value();
  return decide_destination(desired.family(address.family()), address);
}

TEST(Decide, ASmallNodeMasqueradesItsBridge) {
  const auto desired = decided();
  EXPECT_EQ(join(desired.ipv4.sources), "10.0.0.0/24");
  EXPECT_EQ(join(desired.ipv6.sources), "fd00::/112");
  EXPECT_EQ(join(desired.ipv4.shown_exclusions), "10.0.0.0/24");
  EXPECT_THAT(desired.ipv4.rules, ElementsAre(PolicyRule{"10.0.0.1/32"_cidr, Decision::exclude_own_address},
                                              PolicyRule{"192.0.2.10/32"_cidr, Decision::exclude_own_address},
                                              PolicyRule{"192.0.2.255/32"_cidr, Decision::exclude_broadcast}));
  EXPECT_THAT(desired.ipv6.rules, ElementsAre(PolicyRule{"2001:db8::10/128"_cidr, Decision::exclude_own_address},
                                              PolicyRule{"fd00::1/128"_cidr, Decision::exclude_own_address}));
  ASSERT_EQ(desired.uplinks.size(), 1U);
  EXPECT_EQ(desired.uplinks[0], (Uplink{2, "eth0", true, {"192.0.2.10"_ip}, {"2001:db8::10"_ip}}));
  EXPECT_EQ(join(desired.ports), "1024-4788,4790-6080,6082-8471,8473-29999,61000-65535");
  EXPECT_EQ(join(desired.kept_ports), "1-1023,32768-51819,51821-60999");
  EXPECT_EQ(desired.max_mappings, 524288U);
  EXPECT_EQ(desired.max_mappings_per_pod, 131072U);
  EXPECT_FALSE(desired.ip_masq_agent);
  EXPECT_THAT(texts(desired.findings), IsEmpty());
}

TEST(Decide, EqualFactsMakeEqualStates) {
  EXPECT_EQ(decided(), decided());
}

TEST(Decide, TheUsersWordsAreCarriedOver) {
  const auto desired =
      decided({.nat_max_mappings = 1000,
               .kernel = {.route_source = true, .random_fully = true, .timeouts = {.udp = std::chrono::seconds(30)}}});
  EXPECT_TRUE(desired.kernel.route_source);
  EXPECT_TRUE(desired.kernel.random_fully);
  EXPECT_TRUE(desired.kernel.verify_source);
  EXPECT_FALSE(decided({.kernel = {.verify_source = false}}).kernel.verify_source);
  EXPECT_EQ(desired.max_mappings, 1000U);
  EXPECT_EQ(desired.max_mappings_per_pod, 250U);
  EXPECT_EQ(desired.kernel.timeouts.udp.count(), 30);
  EXPECT_EQ(decided({.nat_max_mappings_per_pod = 7}).max_mappings_per_pod, 7U);
}

TEST(Decide, AFamilyThatIsOffIsEmpty) {
  const auto desired = decided({.enable_ipv6_masquerade = false});
  FamilyPolicy off;
  off.enabled = false;
  EXPECT_EQ(desired.ipv6, off);
  EXPECT_TRUE(desired.ipv4.enabled);
  EXPECT_THAT(desired.uplinks[0].ipv6, IsEmpty());
}

TEST(Decide, PodCidrsComeFromTheFirstThatKnows) {
  struct Case {
    std::string what;
    Config config;
    Node facts;  // k8s_pod_cidrs and cni_pod_cidrs of it
    std::string ipv4, ipv6;
  };
  const Case cases[] = {
      {"container bridges", {}, {}, "10.0.0.0/24", "fd00::/112"},
      {"the CNI configuration", {}, {.cni_pod_cidrs = cidrs("10.9.0.0/16")}, "10.9.0.0/16", "fd00::/112"},
      {"Kubernetes",
       {},
       {.cni_pod_cidrs = cidrs("10.9.0.0/16"), .k8s_pod_cidrs = cidrs("10.8.0.0/24 fd08::/64")},
       "10.8.0.0/24",
       "fd08::/64"},
      {"the configuration",
       {.ipv4_pod_cidr = cidrs("10.7.0.0/16 10.6.0.0/16")},
       {.k8s_pod_cidrs = cidrs("10.8.0.0/24")},
       "10.7.0.0/16 10.6.0.0/16",
       "fd00::/112"},
      {"none by configuration", {.ipv4_pod_cidr = std::vector<Cidr>{}}, {}, "", "fd00::/112"},
  };
  for (const auto& [what, config, facts, ipv4, ipv6] : cases) {
    auto node = small_node();
    node.cni_pod_cidrs = facts.cni_pod_cidrs;
    node.k8s_pod_cidrs = facts.k8s_pod_cidrs;
    EXPECT_EQ(pods_of(config, node, Family::ipv4), ipv4) << what;
    EXPECT_EQ(pods_of(config, node, Family::ipv6), ipv6) << what;
  }
}

TEST(Decide, ContainerBridgesAreFoundWhateverTheirName) {
  const Node node{.links = {bridge("docker0", 2, "172.17.0.1/16"), bridge("podman1", 3, "10.88.0.1/16"),
                            down(bridge("virbr0", 4, "192.168.122.1/24")), bridge("lxcbr0", 5, "10.0.3.1/24"),
                            bridge("br0", 6, "192.0.2.1/24"), device("cni0x", 7, "192.0.2.1/24"),
                            bridge("cni0", 8, "169.254.7.1/24")}};
  EXPECT_EQ(pods_of({}, node, Family::ipv4), "172.17.0.0/16 10.88.0.0/16 192.168.122.0/24 10.0.3.0/24");
}

TEST(Decide, NestedPodCidrsAreOneSourceButShownAsWritten) {
  const auto desired = decided({.ipv4_pod_cidr = cidrs("10.0.0.0/24 10.0.0.0/8 172.16.0.0/12")});
  EXPECT_EQ(join(desired.ipv4.sources), "10.0.0.0/8 172.16.0.0/12");
  EXPECT_EQ(join(desired.ipv4.shown_exclusions), "10.0.0.0/24 10.0.0.0/8 172.16.0.0/12");
}

TEST(Decide, WithoutAPodCidrNothingIsMasqueradedAndThatIsSaid) {
  auto node = small_node();
  node.links.pop_back();
  const auto desired = decided({}, node);
  EXPECT_THAT(desired.ipv4.sources, IsEmpty());
  EXPECT_THAT(texts(desired.findings),
              ElementsAre("no pod CIDR is known: nothing is masqueraded; set ipv4-pod-cidr or ipv6-pod-cidr"));
  const auto ipv4_only = decided({.ipv4_pod_cidr = cidrs("10.0.0.0/24")}, node);
  EXPECT_THAT(texts(ipv4_only.findings), IsEmpty()) << "pods may have one family only";
  const auto off = decided({.enable_ipv4_masquerade = false, .enable_ipv6_masquerade = false}, node);
  EXPECT_THAT(texts(off.findings), IsEmpty());
}

TEST(Decide, TheNativeRoutingCidrIsExcludedWithTheAgentToo) {
  const Config config{.ipv4_native_routing_cidr = cidrs("10.0.0.0/8")};
  for (const bool agent : {false, true}) {
    auto with = config;
    with.enable_ip_masq_agent = agent;
    const auto desired = decided(with);
    EXPECT_EQ(toward(desired, "10.9.9.9"), Decision::exclude_native_routing) << agent;
    EXPECT_EQ(join(desired.ipv4.shown_exclusions), "10.0.0.0/8") << agent;
    EXPECT_EQ(toward(desired, "10.0.0.9"), Decision::exclude_pod_cidr) << agent;
  }
}

TEST(Decide, TheIpMasqAgentsRulesAreThereWhenItIsOn) {
  auto node = small_node();
  node.ip_masq_agent = IpMasqAgent{.non_masquerade = cidrs("10.0.0.0/8 192.0.2.0/24 fd00::/8"),
                                   .masquerade = cidrs("10.9.0.0/16"),
                                   .warnings = {"line 1: \"x\": unknown key, ignored"}};
  const auto off = decided({}, node);
  EXPECT_FALSE(off.ip_masq_agent);
  EXPECT_EQ(off.ip_masq_agent_rules, IpMasqAgent{});
  EXPECT_EQ(toward(off, "10.5.5.5"), Decision::masquerade);

  const auto on = decided({.enable_ip_masq_agent = true}, node);
  EXPECT_TRUE(on.ip_masq_agent);
  EXPECT_EQ(join(on.ip_masq_agent_rules.non_masquerade), "10.0.0.0/8 192.0.2.0/24 fd00::/8");
  EXPECT_EQ(join(on.ip_masq_agent_rules.masquerade), "10.9.0.0/16");
  EXPECT_THAT(texts(on.findings), ElementsAre("ip-masq-agent: line 1: \"x\": unknown key, ignored"));
  EXPECT_EQ(toward(on, "10.5.5.5"), Decision::exclude_ip_masq_agent);
  EXPECT_EQ(toward(on, "10.9.5.5"), Decision::masquerade);
  EXPECT_EQ(toward(on, "fd12::1"), Decision::exclude_ip_masq_agent);
  EXPECT_EQ(toward(on, "192.0.2.10"), Decision::exclude_ip_masq_agent) << "before the node's own address";
  EXPECT_THAT(on.ipv4.rules, Contains(Field(&PolicyRule::destination, "10.9.0.0/16"_cidr))) << "kept for the list";
}

TEST(Decide, UntilTheAgentsFileIsReadItsDefaultsHold) {
  const auto desired = decided({.enable_ip_masq_agent = true});
  EXPECT_EQ(desired.ip_masq_agent_rules, default_ip_masq_agent());
  EXPECT_EQ(toward(desired, "198.51.100.1"), Decision::exclude_ip_masq_agent);
}

TEST(Decide, OtherNodesAreLeftAloneUnlessAskedFor) {
  auto node = small_node();
  node.k8s_node_addresses = {"198.51.100.1"_ip, "2001:db8:1::1"_ip};
  Config config{.node_addresses = {"198.51.100.2"_ip, "192.0.2.10"_ip}};
  auto desired = decided(config, node);
  EXPECT_EQ(toward(desired, "198.51.100.1"), Decision::exclude_node);
  EXPECT_EQ(toward(desired, "198.51.100.2"), Decision::exclude_node);
  EXPECT_EQ(toward(desired, "198.51.100.3"), Decision::masquerade);
  EXPECT_EQ(toward(desired, "2001:db8:1::1"), Decision::exclude_node);
  EXPECT_EQ(toward(desired, "192.0.2.10"), Decision::exclude_own_address) << "this node among all nodes";
  config.enable_remote_node_masquerade = true;
  desired = decided(config, node);
  EXPECT_EQ(toward(desired, "198.51.100.1"), Decision::masquerade);
  EXPECT_EQ(toward(desired, "192.0.2.10"), Decision::exclude_own_address);
}

TEST(Decide, PodsOfOtherNodesAreReachedUnderTheirOwnAddressesAlways) {
  auto node = small_node();
  node.k8s_other_pod_cidrs = cidrs("203.0.113.0/24 2001:db8:9::/64");
  const Config config{.enable_remote_node_masquerade = true, .enable_ip_masq_agent = true};
  node.ip_masq_agent = IpMasqAgent{.masquerade = cidrs("203.0.113.0/25")};
  const auto desired = decided(config, node);
  EXPECT_EQ(toward(desired, "203.0.113.1"), Decision::exclude_pod_cidr);
  EXPECT_EQ(toward(desired, "2001:db8:9::1"), Decision::exclude_pod_cidr);
  EXPECT_EQ(toward(desired, "203.0.112.1"), Decision::masquerade);
  EXPECT_EQ(desired.ipv4.shown_exclusions, decided(config, small_node()).ipv4.shown_exclusions);
}

TEST(Decide, ANodeThatKubernetesDoesNotHaveIsAProblem) {
  auto node = small_node();
  node.k8s_missing_node = "node9";
  const auto desired = decided({}, node);
  ASSERT_FALSE(desired.findings.empty());
  EXPECT_EQ(desired.findings.front().kind, FindingKind::kubernetes_node);
  EXPECT_EQ(desired.findings.front().text,
            R"(Kubernetes has no node "node9": k8s-node-name is expected to name this node)");
}

TEST(Decide, BroadcastAddressesOfUplinkSubnetsAreLeftAlone) {
  struct Case {
    std::string address, destination;
    Decision decision;
  };
  const Case cases[] = {
      {"192.0.2.10/24", "192.0.2.255", Decision::exclude_broadcast},
      {"192.0.2.10/23", "192.0.3.255", Decision::exclude_broadcast},
      {"192.0.2.10/23", "192.0.2.255", Decision::masquerade},
      {"192.0.2.9/30", "192.0.2.11", Decision::exclude_broadcast},
      {"192.0.2.10/31", "192.0.2.11", Decision::masquerade},
      {"192.0.2.10/32", "192.0.2.10", Decision::exclude_own_address},
  };
  for (const auto& [address, destination, decision] : cases) {
    auto node = small_node();
    node.links[1] = device("eth0", 2, address);
    EXPECT_EQ(toward(decided({}, node), destination), decision) << address << ' ' << destination;
  }
  auto node = small_node();
  node.links[1].addresses[0].broadcast = "192.0.2.127"_ip;
  EXPECT_EQ(toward(decided({}, node), "192.0.2.127"), Decision::exclude_broadcast) << "as configured";
  EXPECT_EQ(toward(decided({}, node), "192.0.2.255"), Decision::exclude_broadcast) << "and all ones";
}

TEST(Decide, MappedPortsKeepClearOfTheNodesOwn) {
  struct Case {
    std::string what;
    Config config;
    Node facts;
    std::string chosen;
    std::string kept;
    std::string note;
  };
  const std::string outside_ephemeral = "1024-4788,4790-6080,6082-8471,8473-29999,61000-65535";
  const Case cases[] = {
      {"auto: no port of a tunnel", {}, {}, outside_ephemeral, "1-1023,32768-51819,51821-60999", ""},
      {"auto with reserved ports",
       {},
       {.local_reserved_ports = {{600, 700}, {8080, 8080}, {40000, 49999}, {61000, 61999}}},
       "1024-4788,4790-6080,6082-8079,8081-8471,8473-29999,62000-65535",
       "1-599,701-1023,32768-39999,50000-51819,51821-60999",
       ""},
      {"auto with other ephemeral ports",
       {},
       {.local_port_range = {1024, 29999}},
       "32768-51819,51821-65535",
       "1-4788,4790-6080,6082-8471,8473-29999",
       ""},
      {"auto with other NodePorts", {.node_port_range = {1, 32767}}, {}, "61000-65535", "32768-51819,51821-60999", ""},
      {"auto with all ports ephemeral",
       {},
       {.local_port_range = {1024, 65535}},
       "1024-4788,4790-6080,6082-8471,8473-29999,32768-51819,51821-65535",
       "1-1023",
       "nat-port-range auto: ip_local_port_range 1024-65535 leaves 0 ports: ports are chosen in it"},
      {"auto with nearly all ports ephemeral",
       {},
       {.local_port_range = {1025, 65000}},
       "1024-4788,4790-6080,6082-8471,8473-29999,32768-51819,51821-65535",
       "1-1023",
       "nat-port-range auto: ip_local_port_range 1025-65000 leaves 536 ports: ports are chosen in it"},
      {"auto with few ports that are not the ephemeral ones' fault",
       {.node_port_range = {1024, 64000}},
       {},
       "64001-65535",
       "1-1023",
       ""},
      {"as written",
       {.nat_port_range = {{{5000, 5999}}}},
       {.local_reserved_ports = {{700, 700}, {5000, 5999}}},
       "5000-5999",
       "1-699,701-1023",
       ""},
      {"a tunnel's port as written", {.nat_port_range = {{{8472, 8472}}}}, {}, "8472", "1-1023", ""},
      {"as written, less the NodePorts", {.nat_port_range = {{{29000, 31000}}}}, {}, "29000-29999", "1-1023", ""},
      {"a class as written", {.nat_port_range = {{{600, 700}, {5000, 5999}}}}, {}, "5000-5999", "1-511,600-700", ""},
      {"nothing but a class as written", {.nat_port_range = {{{600, 700}}}}, {}, "600-700", "1-511", ""},
      {"as written over ephemeral ports",
       {.nat_port_range = {{{40000, 40009}}}},
       {},
       "40000-40009",
       "1-1023",
       "nat-port-range 40000-40009 overlaps the node's own ephemeral ports, ip_local_port_range 32768-60999"},
  };
  for (const auto& [what, config, facts, chosen, kept, note] : cases) {
    std::vector<Finding> findings;
    const auto mapped = mapped_ports(config, facts, findings);
    EXPECT_EQ(join(mapped.chosen), chosen) << what;
    EXPECT_EQ(join(mapped.kept), kept) << what;
    EXPECT_EQ(texts(findings), note.empty() ? std::vector<std::string>{} : std::vector{note}) << what;
  }
}

TEST(Decide, AContradictionCostsOnlyWhatDependsOnIt) {
  const auto no_port = decided({.nat_port_range = {{{30000, 30010}}}});
  EXPECT_THAT(
      texts(no_port.findings),
      ElementsAre("nat-port-range 30000-30010 leaves no port, so TCP and UDP packets from pods are dropped: the "
                  "whole range is inside node-port-range 30000-32767"));
  EXPECT_THAT(no_port.ports, IsEmpty());
  EXPECT_THAT(
      texts(decided({.node_port_range = {1, 65535}}).findings),
      ElementsAre("nat-port-range auto leaves no port, so TCP and UDP packets from pods are dropped: all ports are "
                  "inside ip_local_reserved_ports and node-port-range 1-65535"));
  EXPECT_EQ(no_port.uplinks, decided().uplinks);
  const auto standby = decided({.masquerade_address = {"198.51.100.1"_ip}});
  EXPECT_THAT(texts(standby.findings), Contains("masquerade-address: 198.51.100.1 is not an address of this node"));
  EXPECT_THAT(standby.uplinks.at(0).ipv4, IsEmpty()) << "never another address than those named";
  EXPECT_EQ(standby.uplinks.at(0).ipv6, std::vector{"2001:db8::10"_ip});
  const auto partly = decided({.masquerade_address = {"198.51.100.1"_ip, "192.0.2.10"_ip}});
  EXPECT_EQ(partly.uplinks.at(0).ipv4, std::vector{"192.0.2.10"_ip});
}

TEST(Decide, TheNodesOwnAddressesAreNoSources) {
  const auto desired = decided({.ipv4_pod_cidr = cidrs("192.0.2.0/24 10.0.0.0/24")});
  EXPECT_EQ(desired.ipv4.own_inside, (std::vector{"10.0.0.1"_ip, "192.0.2.10"_ip}));
  EXPECT_EQ(toward(desired, "192.0.2.10"), Decision::exclude_own_address);
  EXPECT_EQ(toward(desired, "192.0.2.11"), Decision::exclude_pod_cidr);
}

TEST(Decide, SwitchedOffForwardingIsAProblem) {
  auto node = small_node();
  node.links[1].forwards_ipv4 = false;
  EXPECT_THAT(texts(decided({}, node).findings),
              ElementsAre("eth0: IPv4 forwarding is off, so replies to pods are dropped: set "
                          "net.ipv4.conf.eth0.forwarding to 1"));
  node.links[1].forwards_ipv4 = true;
  node.links[2].forwards_ipv4 = false;
  EXPECT_THAT(texts(decided({}, node).findings),
              ElementsAre("cni0: IPv4 forwarding is off, so packets from pods are dropped: set "
                          "net.ipv4.conf.cni0.forwarding to 1"));
  node = small_node();
  for (auto& link : node.links) link.forwards_ipv6 = false;
  EXPECT_THAT(texts(decided({}, node).findings), ElementsAre(HasSubstr("IPv6 forwarding is off")));
}

TEST(Decide, TooManyOfAnythingAreNamed) {
  Node node;
  for (std::size_t i = 0; i <= max_uplinks; ++i) {
    const auto ifindex = static_cast<int>(i + 2);
    node.links.push_back(device(fmt::format("c{:05}", i), ifindex, "198.51.100.1/24"));
    node.routes.push_back(connected("198.51.100.0/24", ifindex));
  }
  node.links.push_back(device("wan", 50000, "192.0.2.10/24"));
  node.routes.push_back(by_gateway("0.0.0.0/0", 50000));
  const auto desired = decided({.ipv4_pod_cidr = cidrs("10.0.0.0/24")}, node);
  EXPECT_EQ(desired.uplinks.size(), max_uplinks);
  EXPECT_EQ(desired.uplinks.back().name, "wan") << "the default route's device is not among those left over";
  EXPECT_THAT(texts(desired.findings), ElementsAre("16386 uplinks, more than 16384: not masqueraded: c16383, c16384"));
}

TEST(Decide, AnEmptyNodeIsNoError) {
  const auto desired = decided({}, {});
  EXPECT_THAT(desired.uplinks, IsEmpty());
  EXPECT_THAT(texts(desired.findings), ElementsAre(HasSubstr("no pod CIDR")));
  EXPECT_THAT(texts(decided({.ipv4_pod_cidr = cidrs("10.0.0.0/24")}, {}).findings),
              ElementsAre(HasSubstr("no uplink found")));
}

}  // namespace
}  // namespace masq
