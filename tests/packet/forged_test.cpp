// SPDX-License-Identifier: Apache-2.0
// Packets whose addresses or numbers are forged end, change and shorten no connection (RFC 5961): R24, R91, R96.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "engine.hpp"
#include "packet.hpp"
#include "table.hpp"

namespace masq::bpf::test {
namespace {

constexpr std::uint32_t megabyte = 1u << 20;
constexpr RunContext by_the_uplink{.arrived_by = 1};  // where no pod is
constexpr RunContext by_a_pods_device{.arrived_by = 99};

Packet numbered(Packet segment, std::uint32_t sequence, std::uint32_t acknowledgement) {
  segment.sequence = sequence;
  segment.acknowledgement = acknowledgement;
  return segment;
}

class Forged : public BothFamilies {
 protected:
  Engine engine{desired()};
  const Endpoint pod{who.pod, 5000}, external{who.external, 5000}, world{who.world, 443};
  const std::uint32_t pods = 0x10000000, worlds = 0x77000000;  // initial sequence numbers

  void begin() {
    engine.egress(numbered(tcp(pod, world, syn), pods, 0));
    engine.ingress(numbered(tcp(world, external, syn | ack), worlds, pods + 1));
  }
  void establish() {
    begin();
    engine.egress(numbered(tcp(pod, world, ack), pods + 1, worlds + 1));
  }
  void reset_at(std::uint32_t sequence) { engine.ingress(numbered(tcp(world, external, rst), sequence, 0)); }
  masq_state state() const { return mappings(engine, who.family).at(0).state; }
};
MASQ_BOTH_FAMILIES(Forged);

TEST_P(Forged, TheNodesAddressFromElsewhereEndsNoMapping) {
  for (const auto& context : {by_the_uplink, by_a_pods_device}) {
    engine.egress(tcp(pod, world, syn));
    engine.egress(udp(pod, world));
    engine.egress(echo_request(who.pod, who.world, 77));
    engine.egress(other(who.pod, who.world, 50, pattern(24)));
    for (const auto& lie : {tcp(external, world, syn), udp(external, world), echo_request(who.external, who.world, 77),
                            other(who.external, who.world, 50, pattern(24))})
      EXPECT_EQ(engine.egress(lie, context).reason, "unrelated");
    EXPECT_EQ(engine.ingress(tcp(world, external, syn | ack)).reason, "translated");
    EXPECT_EQ(engine.ingress(udp(world, external)).reason, "translated");
    EXPECT_EQ(engine.ingress(echo_reply(who.world, who.external, 77)).reason, "translated");
    EXPECT_EQ(engine.ingress(other(who.world, who.external, 50, pattern(24))).reason, "translated");
  }
}

TEST_P(Forged, APodsAddressFromElsewhereChangesNoConnection) {
  establish();
  const std::vector<std::uint8_t> ends = {syn, fin | ack, rst, rst | ack};
  for (const auto flags : ends) {
    const auto outcome = engine.egress(numbered(tcp(pod, world, flags), 0x55555555, worlds + 1), by_the_uplink);
    EXPECT_EQ(outcome.reason, "spoofed_source") << int{flags};
    EXPECT_EQ(outcome.verdict, drop) << int{flags};
  }
  EXPECT_EQ(engine.egress(numbered(tcp(pod, world), pods + 1, 0x33333333), by_the_uplink).reason, "spoofed_source");
  EXPECT_EQ(state(), MASQ_STATE_ESTABLISHED);
  EXPECT_PACKET(tcp(external, world), engine.egress(tcp(pod, world)));
  EXPECT_EQ(engine.ingress(tcp(world, external)).reason, "translated");
  reset_at(0x33333333);
  EXPECT_EQ(state(), MASQ_STATE_ESTABLISHED);
  // The pod's own packets count.
  EXPECT_EQ(engine.egress(tcp(pod, world, rst), by_a_pods_device).reason, "translated");
  EXPECT_EQ(state(), MASQ_STATE_CLOSING);
}

TEST_P(Forged, APodsAddressFromElsewhereOpensNoDatagram) {
  engine.egress(udp(pod, world));
  auto datagram = udp(pod, world);
  datagram.payload = std::string(1000, 'x');
  const auto first = datagram.fragment(0, 800, 7);
  EXPECT_EQ(engine.egress_bytes(first, who.family, by_the_uplink).reason, "spoofed_source");
  EXPECT_EQ(engine.control(who.family).used, 1u);
  EXPECT_EQ(engine.egress_bytes(first, who.family, by_a_pods_device).reason, "translated");
}

TEST_P(Forged, AResetFromElsewhereShortensNoInboundConnection) {
  engine.ingress(tcp(world, pod, syn));
  engine.egress(tcp(pod, world, syn | ack));
  engine.ingress(tcp(world, pod));
  EXPECT_EQ(engine.egress(tcp(pod, world, rst), by_the_uplink).reason, "inbound_connection");
  engine.pass_time(who.family, 300);  // longer than a closed connection's entry lives
  EXPECT_EQ(engine.egress(tcp(pod, world)).reason, "inbound_connection");
}

// A mapping's packets are sent to its external address, not to the pod's own.
TEST_P(Forged, PacketsToThePodsOwnAddressChangeNoMapping) {
  establish();
  engine.egress(udp(pod, world));
  for (const std::uint8_t flags : {syn, ack, rst})
    EXPECT_EQ(engine.ingress(numbered(tcp(world, pod, flags), worlds + 1, pods + 1)).reason, "unrelated");
  EXPECT_EQ(engine.ingress(udp(world, pod)).reason, "unrelated");
  EXPECT_EQ(state(), MASQ_STATE_ESTABLISHED);
  EXPECT_EQ(engine.egress(tcp(pod, world)).reason, "translated");
  EXPECT_EQ(engine.egress(udp(pod, world)).reason, "translated");
  EXPECT_EQ(engine.control(who.family).left, 0u);
}

TEST_P(Forged, BlindResetsEndNoConnection) {
  establish();
  for (std::uint32_t guess = 0; guess < 64; ++guess) reset_at(guess << 26);
  EXPECT_EQ(state(), MASQ_STATE_ESTABLISHED);
  for (std::uint32_t ahead = 1; ahead < 4096; ++ahead)
    run_frame(engine.program().ingress(),
              numbered(tcp(world, external, rst), worlds + 1 + ahead * megabyte, 0).frame());
  EXPECT_EQ(state(), MASQ_STATE_ESTABLISHED);
  reset_at(worlds + 1);
  EXPECT_EQ(state(), MASQ_STATE_CLOSING);
}

TEST_P(Forged, SegmentsFromOutsideTellNoNumbers) {
  engine.egress(numbered(tcp(pod, world, syn), pods, 0));
  engine.ingress(numbered(tcp(world, external, syn | ack), 5, 0x66666666));  // acknowledges another SYN
  reset_at(6);
  EXPECT_EQ(state(), MASQ_STATE_ESTABLISHED);
  engine.egress(numbered(tcp(pod, world), pods + 1, worlds + 1));
  for (const std::uint8_t flags :
       {syn, static_cast<std::uint8_t>(syn | ack), ack, static_cast<std::uint8_t>(fin | ack)})
    for (const auto acknowledged : {pods + 1, 0u}) {
      engine.ingress(numbered(tcp(world, external, flags), 5, acknowledged));
      engine.pass_time(who.family, 2);
      engine.ingress(numbered(tcp(world, external, flags), 5, acknowledged));  // the first one in a second
      reset_at(6);
      EXPECT_EQ(state(), MASQ_STATE_ESTABLISHED) << int{flags};
    }
  reset_at(worlds + 1);
  EXPECT_EQ(state(), MASQ_STATE_CLOSING);
}

TEST_P(Forged, ASynAckTellsItsNumberBeforeThePodConfirmsIt) {
  begin();
  reset_at(worlds - 1);
  EXPECT_EQ(state(), MASQ_STATE_ESTABLISHED);
  reset_at(worlds + 1);
  EXPECT_EQ(state(), MASQ_STATE_CLOSING);
}

// A fast download: many megabytes within the second in which nothing else is stored.
TEST_P(Forged, NumbersFollowEveryMegabyte) {
  establish();
  for (std::uint32_t received = 0; received < 64; ++received) {
    const auto number = worlds + 1 + received * megabyte;
    engine.egress(numbered(tcp(pod, world), pods + 1, number));
    reset_at(number - 1);
    ASSERT_EQ(state(), MASQ_STATE_ESTABLISHED) << received;
    reset_at(number + 5000);
    ASSERT_EQ(state(), MASQ_STATE_CLOSING) << received;
    engine.ingress(tcp(world, external));
    ASSERT_EQ(state(), MASQ_STATE_ESTABLISHED) << received;
  }
}

TEST_P(Forged, AFinFromOutsideMustFitTheConnection) {
  establish();
  engine.ingress(numbered(tcp(world, external, fin | ack), worlds + 64 * megabyte, pods + 1));
  engine.egress(numbered(tcp(pod, world, fin | ack), pods + 1, worlds + 1));
  EXPECT_EQ(state(), MASQ_STATE_ESTABLISHED) << "half closed";
  engine.ingress(numbered(tcp(world, external, fin | ack), worlds + 4 * megabyte, pods + 2));
  EXPECT_EQ(state(), MASQ_STATE_CLOSING);
}

TEST_P(Forged, UnansweredDatagramsToAPodAreRememberedForHalfAMinute) {
  const auto esp = [&](const Address& from, const Address& to) { return other(from, to, 50, pattern(24)); };
  engine.ingress(udp(world, pod));
  engine.ingress(esp(who.world, who.pod));
  EXPECT_EQ(engine.control(who.family).left, 2u);
  engine.pass_time(who.family, 20);
  EXPECT_EQ(engine.ingress(udp(world, pod)).reason, "inbound_connection");  // does not extend it
  EXPECT_EQ(engine.ingress(esp(who.world, who.pod)).reason, "inbound_connection");
  engine.pass_time(who.family, 11);
  EXPECT_EQ(engine.control(who.family).left, 0u);
  EXPECT_EQ(engine.egress(udp(pod, world)).reason, "translated");
  EXPECT_EQ(engine.egress(esp(who.pod, who.world)).reason, "translated");
}

}  // namespace
}  // namespace masq::bpf::test
