// SPDX-License-Identifier: Apache-2.0
// Mappings that another table or datapath had until now (bpf/nat/import.h).
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/datapath.hpp"
#include "engine.hpp"
#include "masq_bpf.skel.h"
#include "packet.hpp"
#include "sockets.hpp"

namespace masq::bpf::test {
namespace {

class Adopted : public BothFamilies {
 protected:
  Engine engine{desired()};
  const Endpoint pod{who.pod, 5000}, world{who.world, 443};

  Mapping mapping(const Endpoint& from, std::uint16_t external_port) const {
    return {.protocol = 6,
            .pod = from.address,
            .pod_port = from.port,
            .remote = world.address,
            .remote_port = world.port,
            .external = who.external,
            .external_port = external_port,
            .state = "established",
            .bypass_reason = "",
            .age_seconds = 0,
            .idle_seconds = 0};
  }
  // `change` of the record before it is adopted. Returns how many were refused.
  template <class Abi>
  std::size_t adopt_as(const Mapping& wanted, const std::function<void(masq_mapping4&)>& change4,
                       const std::function<void(masq_mapping6&)>& change6) {
    auto record = from_mapping<Abi>(wanted, engine.control(who.family).clock);
    if constexpr (std::is_same_v<Abi, Abi4>) change4(record);
    if constexpr (std::is_same_v<Abi, Abi6>) change6(record);
    const auto refused = engine.program().adopt<Abi>(std::span(&record, 1));
    EXPECT_TRUE(refused);
    return refused.value_or(99);
  }
  template <class Change>
  std::size_t adopt(const Mapping& wanted, Change change) {
    return who.family == Family::ipv4 ? adopt_as<Abi4>(wanted, change, change) : adopt_as<Abi6>(wanted, change, change);
  }
  std::size_t adopt(const Mapping& wanted) {
    return adopt(wanted, [](auto&) {});
  }
  std::uint32_t used() const { return engine.control(who.family).used; }
};
MASQ_BOTH_FAMILIES(Adopted);

TEST_P(Adopted, AMappingKeepsItsPort) {
  EXPECT_EQ(adopt(mapping(pod, 61234)), 0u);
  EXPECT_PACKET(tcp({who.external, 61234}, world), engine.egress(tcp(pod, world)));
  EXPECT_PACKET(tcp(world, pod), engine.ingress(tcp(world, {who.external, 61234})));
  EXPECT_EQ(used(), 1u);
}

TEST_P(Adopted, RepeatedAdoptionIsHarmless) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(adopt(mapping(pod, 61234)), 0u);
  EXPECT_EQ(used(), 1u);
}

TEST_P(Adopted, AMappingKeepsItsAgeAndIdleTime) {
  adopt(mapping(pod, 61234), [](auto& record) { record.seen -= 40; });  // 5 s
  engine.pass_time(who.family, 7430);
  EXPECT_EQ(used(), 1u);
  engine.pass_time(who.family, 6);
  EXPECT_EQ(used(), 0u) << "idle for five seconds before it came here";
}

TEST_P(Adopted, ATakenPortIsRefusedAndUsesNoSlot) {
  adopt(mapping(pod, 61234));
  EXPECT_EQ(adopt(mapping({who.pod2, 5000}, 61234)), 1u);
  engine.pass_time(who.family, 1);
  EXPECT_EQ(used(), 1u);
  EXPECT_PACKET(tcp(world, pod), engine.ingress(tcp(world, {who.external, 61234})));
}

TEST_P(Adopted, AMappingCountsForItsPodBeyondTheLimit) {
  auto limited = desired();
  limited.max_mappings_per_pod = 1;
  engine = Engine(limited);
  EXPECT_EQ(adopt(mapping(pod, 61234)), 0u);
  EXPECT_EQ(adopt(mapping({who.pod, 5001}, 61235)), 0u);
  EXPECT_EQ(engine.egress(tcp({who.pod, 5002}, world, syn)).reason, "pod_limit");
}

TEST_P(Adopted, ABypassedConnectionRemainsBypassed) {
  EXPECT_EQ(adopt(mapping(pod, 0), [](auto& record) { record.reason = MASQ_REASON_INBOUND_CONNECTION; }), 0u);
  EXPECT_EQ(engine.egress(tcp(pod, world)).reason, "inbound_connection");
  EXPECT_EQ(used(), 0u);
  EXPECT_EQ(engine.control(who.family).left, 1u);
}

// A packet from outside to the pod's own address makes the bypass entry: in the new table before, or in the old one
// after.
TEST_P(Adopted, AMappingPrecedesABypassEntry) {
  const auto older = [](auto& record) { record.created -= 100; };
  const auto bypassed = [](auto& record) { record.reason = MASQ_REASON_INBOUND_CONNECTION; };
  engine.ingress(tcp(world, pod));
  EXPECT_EQ(adopt(mapping(pod, 61234), older), 0u);
  EXPECT_PACKET(tcp({who.external, 61234}, world), engine.egress(tcp(pod, world)));
  EXPECT_EQ(adopt(mapping(pod, 0), bypassed), 0u);
  EXPECT_PACKET(tcp({who.external, 61234}, world), engine.egress(tcp(pod, world)));
}

TEST_P(Adopted, TheOlderOfTwoConnectionsOfOneFlowIsQuarantined) {
  adopt(mapping(pod, 61234), [](auto& record) { record.created -= 100; });
  EXPECT_EQ(adopt(mapping(pod, 61235)), 0u);
  EXPECT_PACKET(tcp({who.external, 61235}, world), engine.egress(tcp(pod, world)));
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 61234})).reason, "quarantined");
}

TEST_P(Adopted, AQuarantinedMappingOnlyKeepsItsPort) {
  const auto resting = [](auto& record) { record.flags = MASQ_RESTING; };
  EXPECT_EQ(adopt(mapping(pod, 5000), resting), 0u);
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 5000})).reason, "quarantined");
  const auto opened = engine.egress(tcp(pod, world, syn));
  EXPECT_EQ(opened.reason, "translated");
  EXPECT_NE(hex(opened.bytes), hex(tcp({who.external, 5000}, world, syn).frame()));
}

TEST_P(Adopted, AMappingIsQuarantinedWhenTheOtherTableQuarantinesItLater) {
  adopt(mapping(pod, 61234));
  EXPECT_EQ(adopt(mapping(pod, 61234), [](auto& record) { record.flags = MASQ_RESTING; }), 0u);
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 61234})).reason, "quarantined");
  EXPECT_EQ(used(), 1u);
}

// While mappings are under way: what may have one is neither decided about nor answered by the node.
TEST_P(Adopted, NewConnectionsAreDroppedWhileTheTableIsHeld) {
  adopt(mapping(pod, 61234));
  engine.program().hold();
  EXPECT_EQ(engine.egress(tcp({who.pod, 6000}, world, syn)).reason, "no_mapping");
  EXPECT_EQ(engine.egress(udp({who.pod, 6000}, world)).reason, "no_mapping");
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 6000}, ack)).reason, "no_mapping");
  EXPECT_EQ(engine.ingress(udp(world, {who.external, 6000})).verdict, drop);
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 6000}, syn)).reason, "unrelated") << "a connection to the node";
  EXPECT_EQ(engine.ingress(udp(world, {who.external, 53})).reason, "unrelated") << "not a port of a mapping";
  EXPECT_EQ(engine.egress(tcp({who.pod, 6000}, {who.excluded, 443}, syn)).reason, "ip_masq_agent");
  EXPECT_EQ(engine.egress(tcp(pod, world)).reason, "translated");
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 61234})).reason, "translated");
  engine.program().release();
  EXPECT_EQ(engine.egress(udp({who.pod, 6000}, world)).reason, "translated");
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 6001}, ack)).reason, "unrelated");
}

// A port may be mapped and the node's own: its sockets lose no packet meanwhile.
TEST_P(Adopted, TheNodesSocketsReceivePacketsWhileTheTableIsHeld) {
  const auto question = node_socket(who.family, SOCK_DGRAM, 7001);
  const auto server = node_socket(who.family, SOCK_STREAM, 7002);
  engine.program().hold();
  EXPECT_EQ(engine.ingress(udp(world, {who.external, 7001})).reason, "unrelated");
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 7002}, syn)).reason, "unrelated");
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 7002}, ack)).reason, "no_mapping")
      << "of no connection of the node: it would answer with a RST";
}

TEST_P(Adopted, AHoldExpiresWithoutRelease) {
  engine.program().hold();
  const auto until = who.family == Family::ipv4 ? &engine.program().skeleton()->bss->adopting4
                                                : &engine.program().skeleton()->bss->adopting6;
  EXPECT_LE(*until - engine.control(who.family).clock, 38u) << "5 s";
  *until -= 40;
  EXPECT_EQ(engine.egress(udp({who.pod, 6000}, world)).reason, "translated");
  EXPECT_EQ(engine.ingress(udp(world, {who.external, 7000})).reason, "unrelated");
}

}  // namespace
}  // namespace masq::bpf::test
