// SPDX-License-Identifier: Apache-2.0
// The table of mappings: ports, limits, and who has which port. Time is in time_test.cpp, two CPUs in race_test.cpp.
#include "bpf/abi/mapping.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/port_range.hpp"
#include "engine.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

class Table : public BothFamilies {
 protected:
  std::uint16_t source_port(const Outcome& outcome) const { return test::source_port(outcome, who.family); }
  static Packet at(Packet segment, std::uint32_t sequence) {
    segment.sequence = sequence;
    return segment;
  }
  Outcome open(const Engine& engine, std::uint16_t port, const Address& pod, std::uint16_t remote_port = 443) const {
    return engine.egress(tcp({pod, port}, {who.world, remote_port}, syn));
  }
};
MASQ_BOTH_FAMILIES(Table);

// Both ends of each range are used, nothing outside, and not one failure before the last port (R2, R7).
TEST_P(Table, EveryPortOfTheRangeIsUsed) {
  for (const auto& ports : {std::vector<PortRange>{{2000, 2000}},
                            {{2000, 2001}},
                            {{2000, 2002}},
                            {{2000, 2000}, {3000, 3001}, {65535, 65535}}}) {
    for (const bool random : {false, true}) {
      auto narrow = desired();
      narrow.ports = ports;
      narrow.kernel.random_fully = random;
      const Engine engine(narrow);
      std::set<std::uint16_t> used;
      for (std::uint16_t i = 0; i < port_count(ports); ++i) {
        const auto outcome = open(engine, static_cast<std::uint16_t>(2000 + i), numbered_pod(who.family, i));
        ASSERT_EQ(outcome.reason, "translated");
        used.insert(source_port(outcome));
      }
      EXPECT_EQ(used.size(), port_count(ports));
      for (const auto port : used)
        EXPECT_TRUE(std::ranges::any_of(ports, [&](PortRange r) { return r.low <= port && port <= r.high; })) << port;
      EXPECT_EQ(open(engine, 1999, who.pod).reason, "no_free_port");
      EXPECT_EQ(open(engine, 1999, who.pod).verdict, drop);
      EXPECT_EQ(open(engine, 1999, who.pod, 444).reason, "translated")
          << "ports are used again toward another endpoint";
    }
  }
}

TEST_P(Table, AFullTableRefusesNewConnectionsAndKeepsOldOnes) {
  auto small = desired();
  small.max_mappings = 16;
  const Engine engine(small);
  for (unsigned i = 0; i < 16; ++i) ASSERT_EQ(open(engine, 5000, numbered_pod(who.family, i)).reason, "translated");
  EXPECT_EQ(open(engine, 6000, who.pod).reason, "table_full");
  EXPECT_EQ(open(engine, 6000, who.pod).verdict, drop);
  EXPECT_EQ(open(engine, 5000, numbered_pod(who.family, 3)).reason, "translated");
  EXPECT_EQ(engine.control(who.family).used, 16u);
}

TEST_P(Table, APodAtItsLimitDoesNotBlockAnother) {
  auto limited = desired();
  limited.max_mappings_per_pod = 3;
  Engine engine(limited);
  for (std::uint16_t i = 0; i < 3; ++i)
    ASSERT_EQ(open(engine, static_cast<std::uint16_t>(5000 + i), who.pod).reason, "translated");
  EXPECT_EQ(open(engine, 6000, who.pod).reason, "pod_limit");
  EXPECT_EQ(open(engine, 5001, who.pod).reason, "translated");
  EXPECT_EQ(open(engine, 6000, who.pod2).reason, "translated");
  engine.pass_time(who.family, 31);
  EXPECT_EQ(open(engine, 6000, who.pod).reason, "translated") << "ended mappings count no more";
}

// A connection that both sides have closed; the pod's FIN had number 2000.
class Closed : public Table {
 protected:
  Engine engine{desired()};
  const Endpoint pod{who.pod, 5000}, external{who.external, 5000}, world{who.world, 443};
  void SetUp() override {
    engine.egress(at(tcp(pod, world, syn), 1000));
    engine.ingress(tcp(world, external, syn | ack));
    engine.egress(at(tcp(pod, world, fin | ack), 2000));
    engine.ingress(tcp(world, external, fin | ack));
  }
};
MASQ_BOTH_FAMILIES(Closed);

// RFC 9293 3.6.1: the remote side, in TIME-WAIT, takes a SYN with a higher sequence number (R12).
TEST_P(Closed, ItsPodMayReopenItWithAHigherSequenceNumber) {
  EXPECT_EQ(source_port(engine.egress(at(tcp(pod, world, syn), 2009))), 5000) << "the FIN has number 2007";
  EXPECT_EQ(engine.control(who.family).used, 1u);
}

TEST_P(Closed, ALowerSequenceNumberGetsAnotherPortAndQuarantinesTheOld) {
  const auto port = source_port(engine.egress(at(tcp(pod, world, syn), 1500)));
  EXPECT_NE(port, 5000);
  EXPECT_EQ(source_port(engine.egress(at(tcp(pod, world, ack), 1501))), port);
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, port}, syn | ack)).reason, "translated");
  const auto late = engine.ingress(tcp(world, external, ack));
  EXPECT_EQ(late.reason, "quarantined");
  EXPECT_EQ(late.verdict, drop);
  EXPECT_NE(source_port(open(engine, 5000, who.pod2)), 5000) << "nobody gets the port meanwhile";
  engine.pass_time(who.family, 241);
  EXPECT_EQ(source_port(open(engine, 5000, who.pod2)), 5000);
}

TEST_P(Closed, ASynOnAnOpenConnectionIsAnotherConnection) {
  const Endpoint other_port{who.pod, 6000};
  engine.egress(at(tcp(other_port, world, syn), 1000));
  EXPECT_EQ(source_port(engine.egress(at(tcp(other_port, world, syn), 1000))), 6000) << "sent again";
  engine.ingress(tcp(world, {who.external, 6000}, syn | ack));
  EXPECT_EQ(source_port(engine.egress(at(tcp(other_port, world, syn), 1000))), 6000)
      << "sent again: the answer was lost";
  EXPECT_NE(source_port(engine.egress(at(tcp(other_port, world, syn), 9000))), 6000);
}

TEST_P(Closed, AfterAResetThePortIsFreeForItsPod) {
  engine.egress(at(tcp({who.pod, 6000}, world, syn), 1000));
  engine.ingress(tcp(world, {who.external, 6000}, rst | ack));
  EXPECT_EQ(source_port(engine.egress(at(tcp({who.pod, 6000}, world, syn), 500))), 6000);
}

// R8: a program of the node binds to a port after a pod's connection was mapped to it, and speaks to the same endpoint.
TEST_P(Table, TheNodesOwnConnectionPreemptsAMapping) {
  for (const auto make : {+[](const Endpoint& a, const Endpoint& b) { return tcp(a, b, syn); }, &udp}) {
    const Engine engine(desired());
    const Endpoint external{who.external, 5000}, world{who.world, 443};
    engine.egress(make({who.pod, 5000}, world));
    EXPECT_EQ(engine.ingress(make(world, external)).reason, "translated");
    EXPECT_EQ(engine.egress(make(external, world)).reason, "unrelated");
    EXPECT_EQ(engine.ingress(make(world, external)).reason, "unrelated");
  }
}

TEST_P(Table, SearchesForAPortAreCounted) {
  auto narrow = desired();
  narrow.ports = {{.low = 2000, .high = 2001}};
  const Engine engine(narrow);
  open(engine, 2000, who.pod);
  open(engine, 2000, who.pod2);
  open(engine, 2000, who.other_pod);
  const auto births = engine.births(who.family);
  EXPECT_EQ(births.created[MASQ_CLASS_TCP], 2u);
  EXPECT_GE(births.searches[0], 1u) << "the first port was its own";
  std::uint64_t all = 0;
  for (const auto searches : births.searches) all += searches;
  EXPECT_EQ(all, 3u) << "also the one that found none";
  EXPECT_GE(births.attempts, 3u + 2) << "each its own, and each of the two by a search";
}

// R83; and a pod does not get what comes for the node's own tunnels.
TEST_P(Table, TheNodesTrafficWithoutASocketPreemptsAMapping) {
  const auto ping = [](const Address& a, const Address& b) { return echo_request(a, b, 77); };
  const auto pong = [](const Address& a, const Address& b) { return echo_reply(a, b, 77); };
  const auto tunnel = [](const Address& a, const Address& b) { return other(a, b, 4, pattern(20)); };
  const Engine engine(desired());
  engine.egress(ping(who.pod, who.world));
  engine.egress(tunnel(who.pod, who.world));
  EXPECT_EQ(engine.ingress(pong(who.world, who.external)).reason, "translated");
  EXPECT_EQ(engine.ingress(tunnel(who.world, who.external)).reason, "translated");
  engine.egress(ping(who.external, who.world));
  engine.egress(tunnel(who.external, who.world));
  EXPECT_EQ(engine.ingress(pong(who.world, who.external)).reason, "unrelated");
  EXPECT_EQ(engine.ingress(tunnel(who.world, who.external)).reason, "unrelated");
  EXPECT_EQ(engine.egress(tunnel(who.pod, who.world)).reason, "no_free_port");
  EXPECT_EQ(engine.egress(ping(who.pod, who.world)).reason, "translated");
  EXPECT_EQ(engine.ingress(pong(who.world, who.external)).reason, "unrelated")
      << "the pod's has another identifier now";
}

TEST_P(Table, BypassedConnectionsHaveTheirOwnLimit) {
  auto small = desired();
  small.max_mappings = 16;
  const Engine engine(small);
  for (unsigned i = 0; i < 100; ++i)
    EXPECT_EQ(engine.egress(tcp({numbered_pod(who.family, i), 3000}, {who.excluded, 80}, syn)).reason, "ip_masq_agent");
  EXPECT_EQ(engine.control(who.family).left, 2u) << "an eighth";
  for (unsigned i = 0; i < 16; ++i) EXPECT_EQ(open(engine, 5000, numbered_pod(who.family, i)).reason, "translated");
}

TEST_P(Table, APoolIsUsedAndAPodKeepsItsAddress) {
  auto pool = desired();
  const auto second = address(who.family == Family::ipv4 ? "192.0.2.77" : "2001:db8::77");
  (who.family == Family::ipv4 ? pool.uplinks[0].ipv4 : pool.uplinks[0].ipv6).push_back(second);
  const Engine engine(pool);
  std::set<std::string> sources;
  for (int i = 1; i < 60; ++i) {
    const auto pod = address(who.family == Family::ipv4 ? fmt::format("10.0.3.{}", i) : fmt::format("fd00:1::3:{}", i));
    std::set<std::string> of_pod;
    for (std::uint16_t port = 5000; port < 5004; ++port) {
      const auto bytes = open(engine, port, pod).bytes;
      const std::size_t at = who.family == Family::ipv4 ? 14 + 12 : 14 + 8;
      of_pod.insert(Address::from_bytes(std::span(bytes).subspan(at, who.pod.bytes().size())).to_string());
    }
    EXPECT_EQ(of_pod.size(), 1u);
    sources.merge(of_pod);
  }
  EXPECT_EQ(sources, (std::set{who.external.to_string(), second.to_string()}));
}

// More keys than a bucket has cells still find each other: the indexes of a small table are crowded on purpose.
TEST_P(Table, ThousandsOfConnectionsAreFoundAgain) {
  const Engine engine(desired());
  for (std::uint16_t i = 0; i < 4000; ++i)
    ASSERT_EQ(open(engine, static_cast<std::uint16_t>(2000 + i), numbered_pod(who.family, i)).reason, "translated");
  for (std::uint16_t i = 0; i < 4000; ++i) {
    const auto port = static_cast<std::uint16_t>(2000 + i);
    ASSERT_EQ(engine.ingress(tcp({who.world, 443}, {who.external, port}, syn | ack)).reason, "translated") << port;
  }
  EXPECT_EQ(engine.control(who.family).used, 4000u);
}

}  // namespace
}  // namespace masq::bpf::test
