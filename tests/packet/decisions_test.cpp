// SPDX-License-Identifier: Apache-2.0
// What is decided for a packet of each kind, and the reason that says so.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/address.hpp"
#include "engine.hpp"
#include "model/desired.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

class Decisions : public BothFamilies {
 protected:
  Engine engine{desired()};
  Outcome to(const Address& destination) { return engine.egress(udp({who.pod, 5000}, {destination, 53})); }
  void expect_left(const Outcome& outcome, const Packet& packet, const char* reason) {
    EXPECT_EQ(outcome.verdict, pass);
    EXPECT_EQ(outcome.reason, reason);
    EXPECT_PACKET(packet, outcome);
  }
};
MASQ_BOTH_FAMILIES(Decisions);

TEST_P(Decisions, ADestinationWithoutARuleIsMasqueraded) {
  const auto outcome = to(who.world);
  EXPECT_EQ(outcome.verdict, pass);
  EXPECT_EQ(outcome.reason, "translated");
  EXPECT_PACKET(udp({who.external, 5000}, {who.world, 53}), outcome);
}

TEST_P(Decisions, EachReasonForExclusionIsCounted) {
  struct Row {
    Address destination;
    const char* reason;
  };
  std::vector<Row> rows = {{who.other_pod, "pod_cidr"}, {who.native, "native_routing"}, {who.excluded, "ip_masq_agent"},
                           {who.node, "node"},          {who.own, "own_address"},       {who.multicast, "multicast"}};
  if (who.family == Family::ipv4) {
    rows.push_back({who.broadcast, "broadcast"});
    rows.push_back({address("255.255.255.255"), "broadcast"});
  }
  for (const auto& row : rows) {
    const auto packet = udp({who.pod, 5000}, {row.destination, 53});
    expect_left(engine.egress(packet), packet, row.reason);
    expect_left(engine.egress(packet), packet, row.reason);  // remembered, or decided again: the same
  }
}

TEST_P(Decisions, ASourceOutsideTheSourceSetIsNotMasqueraded) {
  const auto packet = tcp({who.own, 5000}, {who.world, 443}, syn);
  expect_left(engine.egress(packet), packet, "unrelated");
  EXPECT_EQ(engine.control(who.family).used, 0u);
}

TEST_P(Decisions, InboundPacketsWithoutAMappingPassUnchanged) {
  const auto packet = tcp({who.world, 443}, {who.external, 22}, syn);
  expect_left(engine.ingress(packet), packet, "unrelated");
}

TEST_P(Decisions, RepliesToInboundConnectionsAreBypassed) {
  const auto in = tcp({who.world, 30000}, {who.pod, 80}, syn);
  expect_left(engine.ingress(in), in, "inbound_connection");
  const auto answer = tcp({who.pod, 80}, {who.world, 30000}, syn | ack);
  expect_left(engine.egress(answer), answer, "inbound_connection");
  const auto ping = echo_request(who.world, who.pod, 77);
  expect_left(engine.ingress(ping), ping, "inbound_connection");
  const auto pong = echo_reply(who.pod, who.world, 77);
  expect_left(engine.egress(pong), pong, "inbound_connection");
}

TEST_P(Decisions, APodsOwnPingIsNotTreatedAsAReply) {
  engine.ingress(echo_request(who.world, who.pod, 77));
  EXPECT_EQ(engine.egress(echo_request(who.pod, who.world, 77)).reason, "translated");
  EXPECT_EQ(engine.egress(echo_reply(who.pod, who.world, 77)).reason, "inbound_connection");
}

TEST_P(Decisions, ASynAfterAStraySegmentFromOutsideIsMasqueraded) {
  engine.ingress(tcp({who.world, 443}, {who.pod, 5000}, ack));
  EXPECT_EQ(engine.egress(tcp({who.pod, 5000}, {who.world, 443}, syn)).reason, "translated");
}

TEST_P(Decisions, OnlyAnInitiatingPacketCreatesAMapping) {
  for (const std::uint8_t flags :
       {std::uint8_t{rst}, std::uint8_t{fin | ack}, std::uint8_t{syn | ack}, std::uint8_t{0}}) {
    const auto outcome = engine.egress(tcp({who.pod, 5000}, {who.world, 443}, flags));
    EXPECT_EQ(outcome.verdict, drop);
    EXPECT_EQ(outcome.reason, "no_mapping");
  }
  EXPECT_EQ(engine.egress(echo_reply(who.pod, who.world, 77)).reason, "no_mapping");
  EXPECT_EQ(engine.control(who.family).used, 0u);
}

TEST_P(Decisions, UnsupportedPacketsAreDroppedUnlessTheDestinationIsExcluded) {
  auto advertisement = echo_request(who.pod, who.world, 1);
  advertisement.icmp_type = who.family == Family::ipv4 ? 9 : 139;
  EXPECT_EQ(engine.egress(advertisement).verdict, drop);
  EXPECT_EQ(engine.egress(advertisement).reason, "unsupported_protocol");
  advertisement.to.address = who.excluded;
  expect_left(engine.egress(advertisement), advertisement, "ip_masq_agent");

  Packet portless = udp({who.pod, 0}, {who.world, 53});
  EXPECT_EQ(engine.egress(portless).verdict, drop);
  EXPECT_EQ(engine.egress(portless).reason, "malformed");
}

TEST_P(Decisions, TruncatedPacketsOfAPodAreDropped) {
  const auto whole = tcp({who.pod, 5000}, {who.world, 443}, syn).frame();
  const std::size_t transport = 14 + (who.family == Family::ipv4 ? 20 : 40);
  for (std::size_t size = transport; size < transport + 20; ++size) {
    const auto outcome = engine.egress_bytes(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)), who.family);
    EXPECT_EQ(outcome.verdict, drop) << size;
    EXPECT_EQ(outcome.reason, "malformed") << size;
  }
}

TEST_P(Decisions, WithoutAnExternalAddressPacketsAreDropped) {
  auto without = desired();
  without.uplinks[0].ipv4.clear();
  without.uplinks[0].ipv6.clear();
  engine.change_policy(without);
  const auto outcome = to(who.world);
  EXPECT_EQ(outcome.verdict, drop);
  EXPECT_EQ(outcome.reason, "no_external_address");
}

TEST_P(Decisions, ADecisionAppliesUntilItsConnectionEnds) {
  const auto left = tcp({who.pod, 5000}, {who.excluded, 443}, syn);
  const auto masqueraded = tcp({who.pod, 5000}, {who.world, 443}, syn);
  EXPECT_EQ(engine.egress(left).reason, "ip_masq_agent");
  EXPECT_EQ(engine.egress(masqueraded).reason, "translated");

  auto swapped = desired();
  for (auto* policy : {&swapped.ipv4, &swapped.ipv6})
    for (auto& rule : policy->rules)
      if (rule.decision == Decision::exclude_ip_masq_agent)
        rule.destination = Cidr::host(cast(rule.destination.family()).world);
  engine.change_policy(swapped);
  EXPECT_EQ(engine.egress(tcp({who.pod, 5000}, {who.excluded, 443})).reason, "ip_masq_agent");
  EXPECT_EQ(engine.egress(tcp({who.pod, 5000}, {who.world, 443})).reason, "translated");
  EXPECT_EQ(engine.egress(tcp({who.pod, 5001}, {who.excluded, 443}, syn)).reason, "translated");
  EXPECT_EQ(engine.egress(tcp({who.pod, 5001}, {who.world, 443}, syn)).reason, "ip_masq_agent");
}

TEST_P(Decisions, ALongSourceSetIsMatched) {
  auto many = desired();
  for (auto* policy : {&many.ipv4, &many.ipv6}) {
    const bool is_ipv4 = policy == &many.ipv4;
    for (int i = 0; i < 20; ++i)
      policy->sources.push_back(
          *Cidr::parse(is_ipv4 ? fmt::format("10.{}.0.0/16", 100 + i) : fmt::format("fd00:{}::/48", 100 + i)));
  }
  const Engine wide(many);
  const auto pod = address(who.family == Family::ipv4 ? "10.115.1.1" : "fd00:115::1");
  EXPECT_EQ(wide.egress(tcp({pod, 5000}, {who.world, 443}, syn)).reason, "translated");
  EXPECT_EQ(wide.egress(tcp({who.pod, 5000}, {pod, 443}, syn)).reason, "pod_cidr");
  EXPECT_EQ(wide.egress(tcp({who.own, 5000}, {who.world, 443}, syn)).reason, "unrelated");
}

}  // namespace
}  // namespace masq::bpf::test
