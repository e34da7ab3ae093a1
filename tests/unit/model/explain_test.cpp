// SPDX-License-Identifier: Apache-2.0
#include "model/explain.hpp"

#include <gtest/gtest.h>

#include "base/address.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/ip_masq_agent.hpp"
#include "model/node.hpp"
#include "unit/model/nodes.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

Desired desired(const Config& changed = {}) {
  auto config = changed;
  config.ipv4_pod_cidr = cidrs("10.0.0.0/16");
  config.enable_ip_masq_agent = true;
  config.node_addresses = {"203.0.113.7"_ip};
  const Node node{
      .links = {device("eth0", 2, "192.0.2.10/24"), device("eth1", 3, "198.51.100.10/24"), device("eth2", 4)},
      .routes = {by_gateway("0.0.0.0/0", 2), connected("198.51.100.0/24", 3)},
      .ip_masq_agent = IpMasqAgent{.non_masquerade = cidrs("172.16.0.0/12"), .masquerade = cidrs("172.20.0.0/16")}};
  return decide(config, node);
}

TEST(Explain, NamesTheFactThatDecides) {
  struct Case {
    std::string source, destination, expected;
  };
  const Case cases[] = {
      {"10.0.1.5", "8.8.8.8", "masqueraded on eth0 as 192.0.2.10, on eth1 as 198.51.100.10: no exclusion matches"},
      {"10.0.1.5", "172.20.1.1",
       "masqueraded on eth0 as 192.0.2.10, on eth1 as 198.51.100.10: 172.20.0.0/16 is in the ip-masq-agent's "
       "masqueradeCIDRs"},
      {"10.0.1.5", "172.17.0.1", "not masqueraded: 172.16.0.0/12 is excluded by the ip-masq-agent"},
      {"10.0.1.5", "10.0.9.9", "not masqueraded: the destination is inside the pod CIDR 10.0.0.0/16"},
      {"10.0.1.5", "10.200.0.1", "not masqueraded: the destination is inside the native routing CIDR 10.128.0.0/9"},
      {"10.0.1.5", "203.0.113.7", "not masqueraded: 203.0.113.7/32 is another node's address"},
      {"10.0.1.5", "192.0.2.10", "not masqueraded: 192.0.2.10/32 is an address of this node"},
      {"10.0.1.5", "192.0.2.255", "not masqueraded: 192.0.2.255/32 is a broadcast address"},
      {"10.0.1.5", "255.255.255.255", "not masqueraded: the destination is the broadcast address"},
      {"10.0.1.5", "224.0.0.1", "not masqueraded: the destination is a multicast address"},
      {"192.0.2.10", "8.8.8.8", "not masqueraded: the source is outside the pod CIDRs (10.0.0.0/16)"},
      {"10.0.1.5", "2001:db8::1", "not masqueraded: source and destination are of different address families"},
      {"2001:db8::2", "2001:db8::1", "not masqueraded: the source is outside the pod CIDRs (none detected)"},
  };
  const auto state = desired({.ipv4_native_routing_cidr = cidrs("10.128.0.0/9")});
  for (const auto& [source, destination, expected] : cases)
    EXPECT_EQ(to_string(explain(state, Address::parse(source).value(), Address::parse(destination).value())), expected)
        << source << " -> " << destination;
}

TEST(Explain, SaysAsWhat) {
  const auto explanation = explain(desired({.devices = {"eth0"}}), "10.0.1.5"_ip, "8.8.8.8"_ip);
  EXPECT_TRUE(explanation.masqueraded);
  EXPECT_FALSE(explanation.rule);
  ASSERT_EQ(explanation.externals.size(), 1U);
  EXPECT_EQ(explanation.externals[0], (Explanation::External{"eth0", {"192.0.2.10"_ip}}));
  EXPECT_EQ(to_string(explanation), "masqueraded as 192.0.2.10: no exclusion matches");
}

TEST(Explain, SaysWhenThereIsNoAddressOrNoUplink) {
  EXPECT_EQ(to_string(explain(desired({.devices = {"eth2"}}), "10.0.1.5"_ip, "8.8.8.8"_ip)),
            "masqueraded as nothing (no usable address: packets are dropped): no exclusion matches");
  EXPECT_EQ(to_string(explain(desired({.devices = {"eth9"}}), "10.0.1.5"_ip, "8.8.8.8"_ip)),
            "not masqueraded: no uplink exists");
  EXPECT_EQ(to_string(explain(desired({.enable_ipv4_masquerade = false}), "10.0.1.5"_ip, "8.8.8.8"_ip)),
            "not masqueraded: IPv4 masquerading is off");
}

TEST(Explain, TheRouteMayNameTheAddress) {
  EXPECT_EQ(
      to_string(explain(desired({.devices = {"eth0"}, .kernel = {.route_source = true}}), "10.0.1.5"_ip, "8.8.8.8"_ip)),
      "masqueraded as the source address that the route selects, else 192.0.2.10: no exclusion "
      "matches");
}

}  // namespace
}  // namespace masq
