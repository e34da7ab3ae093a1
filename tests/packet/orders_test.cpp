// SPDX-License-Identifier: Apache-2.0
// What the agent wants of connections (enum masq_order): that they wait for their address, that they rest as their pod
// is gone, that a decision is forgotten.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "engine.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

class Orders : public BothFamilies {
 protected:
  const Engine engine{desired()};
  const Endpoint pod{who.pod, 5000}, world{who.world, 443}, external{who.external, 5000};

  void expect_dropped(const Outcome& outcome, const std::string& reason) const {
    EXPECT_EQ(outcome.verdict, drop);
    EXPECT_EQ(outcome.reason, reason);
  }
  std::uint16_t source_port(const Outcome& outcome) const {
    const std::size_t at = 14 + (who.family == Family::ipv4 ? 20u : 40u);
    return static_cast<std::uint16_t>(outcome.bytes[at] << 8 | outcome.bytes[at + 1]);
  }
  void establish() const {
    engine.egress(tcp(pod, world, syn));
    engine.ingress(tcp(world, external, syn | ack));
    engine.egress(udp(pod, world));
    engine.ingress(udp(world, external));
  }
};
MASQ_BOTH_FAMILIES(Orders);

// R35
TEST_P(Orders, PacketsAreDroppedWhileTheirAddressIsLostAndResumeAfterwards) {
  establish();
  engine.give_order(who.family, MASQ_ORDER_WAIT);
  expect_dropped(engine.egress(tcp(pod, world)), "address_unavailable");
  expect_dropped(engine.egress(udp(pod, world)), "address_unavailable");
  EXPECT_EQ(engine.ingress(tcp(world, external)).reason, "translated") << "so a pod can be told of the end";
  engine.give_order(who.family, MASQ_ORDER_NONE);
  EXPECT_PACKET(tcp(external, world), engine.egress(tcp(pod, world)));
  EXPECT_PACKET(udp(external, world), engine.egress(udp(pod, world)));
}

TEST_P(Orders, APodsIcmpErrorIsDroppedWhileItsAddressIsLost) {
  establish();
  const auto quote = tcp(world, pod).ip();
  const std::uint8_t unreachable = who.family == Family::ipv4 ? 3 : 1;
  EXPECT_EQ(engine.egress(icmp_error(who.pod, who.world, unreachable, quote)).reason, "translated");
  engine.give_order(who.family, MASQ_ORDER_WAIT);
  expect_dropped(engine.egress(icmp_error(who.pod, who.world, unreachable, quote)), "address_unavailable");
}

TEST_P(Orders, ANewConnectionDoesNotWaitForTheLostAddress) {
  establish();
  engine.give_order(who.family, MASQ_ORDER_WAIT);
  auto again = tcp(pod, world, syn);
  again.sequence += 100000;
  const auto outcome = engine.egress(again);
  EXPECT_EQ(outcome.reason, "translated");
  EXPECT_NE(source_port(outcome), 5000);
  expect_dropped(engine.ingress(tcp(world, external)), "quarantined");
}

// What a pod had acknowledged when it was asked is what a RST has to fit.
TEST_P(Orders, AcknowledgementsOfAWaitingPodAreRecorded) {
  establish();
  engine.give_order(who.family, MASQ_ORDER_WAIT);
  auto answer = tcp(pod, world);
  answer.acknowledgement = 0x77777777;
  engine.egress(answer);
  auto forged = tcp(world, external, rst);
  forged.sequence = 0x77777776;
  engine.ingress(forged);
  engine.give_order(who.family, MASQ_ORDER_NONE);
  auto again = tcp(pod, world, syn);
  again.sequence += 100000;
  EXPECT_NE(source_port(engine.egress(again)), 5000) << "a RST from before what is acknowledged is none";
}

// R30
TEST_P(Orders, PacketsForARemovedPodAreDropped) {
  establish();
  engine.give_order(who.family, MASQ_ORDER_REST);
  expect_dropped(engine.ingress(tcp(world, external)), "quarantined");
  expect_dropped(engine.ingress(udp(world, external)), "quarantined");
  const std::uint8_t unreachable = who.family == Family::ipv4 ? 3 : 1;
  expect_dropped(engine.ingress(icmp_error(who.world, who.external, unreachable, udp(external, world).ip())),
                 "quarantined");
}

// R12, R30
TEST_P(Orders, ANewPodGetsOtherPortsThanThoseInQuarantine) {
  establish();
  engine.give_order(who.family, MASQ_ORDER_REST);
  const auto segment = engine.egress(tcp(pod, world, syn));
  const auto datagram = engine.egress(udp(pod, world));
  EXPECT_EQ(segment.reason, "translated");
  EXPECT_EQ(datagram.reason, "translated");
  EXPECT_NE(source_port(segment), 5000);
  EXPECT_NE(source_port(datagram), 5000);
  EXPECT_EQ(engine.ingress(udp(world, {who.external, source_port(datagram)})).reason, "translated");
  expect_dropped(engine.ingress(udp(world, external)), "quarantined");
}

TEST_P(Orders, InboundPacketsDoNotExtendAQuarantine) {
  Engine own(desired());
  own.egress(udp(pod, world));
  own.ingress(udp(world, external));
  own.give_order(who.family, MASQ_ORDER_REST);
  const auto timeout = static_cast<std::uint32_t>(desired().kernel.timeouts.udp.count());
  own.pass_time(who.family, timeout / 2);
  expect_dropped(own.ingress(udp(world, external)), "quarantined");
  own.pass_time(who.family, timeout / 2 + 2);
  EXPECT_EQ(own.control(who.family).used, 0u);
}

TEST_P(Orders, PacketsOfASuspendedConnectionAreDropped) {
  establish();
  engine.give_order(who.family, MASQ_ORDER_HOLD);
  for (const std::uint8_t flags : {std::uint8_t{ack}, std::uint8_t{syn}})
    expect_dropped(engine.egress(tcp(pod, world, flags)), "quarantined");
  expect_dropped(engine.egress(udp(pod, world)), "quarantined");
  expect_dropped(engine.ingress(tcp(world, external)), "quarantined");
  engine.give_order(who.family, MASQ_ORDER_NONE);
  EXPECT_PACKET(tcp(external, world), engine.egress(tcp(pod, world)));
}

// Not before the pod's next packet: a segment from outside would be taken for an inbound connection's until then.
TEST_P(Orders, AForgottenDecisionIsMadeAgain) {
  Engine own(desired());
  const Endpoint native{who.native, 443};
  own.egress(tcp(pod, native, syn));
  own.ingress(tcp(native, pod, syn | ack));
  EXPECT_EQ(own.egress(tcp(pod, native)).reason, "native_routing");
  auto changed = desired();
  changed.ipv4.rules.clear();
  changed.ipv6.rules.clear();
  own.change_policy(changed);
  EXPECT_EQ(own.egress(tcp(pod, native)).reason, "native_routing");
  own.give_order(who.family, MASQ_ORDER_FORGET);
  EXPECT_EQ(own.ingress(tcp(native, pod)).verdict, pass);
  EXPECT_EQ(own.egress(tcp(pod, native)).reason, "translated");
}

}  // namespace
}  // namespace masq::bpf::test
