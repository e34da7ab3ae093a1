// SPDX-License-Identifier: Apache-2.0
// How long mappings live. Hard cases R18, R20, R21, R22, R23, R24, R32.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "engine.hpp"
#include "model/config.hpp"
#include "packet.hpp"
#include "table.hpp"

namespace masq::bpf::test {
namespace {

class Time : public BothFamilies {
 protected:
  const Endpoint pod{who.pod, 5000}, external{who.external, 5000}, world{who.world, 443};
  const NatTimeouts t = desired().kernel.timeouts;

  static std::uint32_t seconds(std::chrono::seconds time) { return static_cast<std::uint32_t>(time.count()); }
  static Packet at(Packet segment, std::uint32_t sequence) {
    segment.sequence = sequence;
    return segment;
  }
  Packet out(std::uint8_t flags) const { return tcp(pod, world, flags); }
  Packet back(std::uint8_t flags) const { return tcp(world, external, flags); }
  std::uint32_t alive(const Engine& engine) const { return engine.control(who.family).used; }
};
MASQ_BOTH_FAMILIES(Time);

struct Step {
  enum { leaves, comes } direction;
  Packet packet;
};

// R23: the one table of timeouts, by protocol, state and direction, from both sides of each.
TEST_P(Time, IdleMappingsExpireAfterTheirTimeout) {
  const auto leaves = [](const Packet& packet) { return Step{Step::leaves, packet}; };
  const auto comes = [](const Packet& packet) { return Step{Step::comes, packet}; };
  const auto opens = leaves(out(syn)), answers = comes(back(syn | ack));
  const auto reset = comes(at(back(rst), 0x12341235)), forged = comes(at(back(rst), 0x77777777));
  const auto forged_a_little_before = comes(at(back(rst), 0x12341233));
  const auto pod_closes = leaves(out(fin | ack)), world_closes = comes(back(fin | ack));
  const auto asks = [&](std::uint8_t protocol) { return leaves(other(who.pod, who.world, protocol, pattern(24))); };
  const auto replies = [&](std::uint8_t protocol) {
    return comes(other(who.world, who.external, protocol, pattern(24)));
  };
  const std::uint32_t half_open = 30, open = seconds(t.tcp_established), closing = seconds(t.tcp_transitory);
  struct Row {
    const char* name;
    std::vector<Step> steps;
    std::uint32_t timeout;
  };
  const std::vector<Row> rows = {
      {"half open", {opens}, half_open},
      {"half open, SYN sent again", {opens, opens, opens}, half_open},
      {"half open, the pod goes on without an answer", {opens, leaves(out(ack))}, half_open},
      {"half open, refused", {opens, comes(back(rst | ack))}, closing},
      {"half open, given up by the pod", {opens, leaves(out(rst))}, closing},
      {"half open, given up by a FIN of the pod", {opens, pod_closes}, half_open},
      {"answered by a SYN: simultaneous open", {opens, comes(back(syn))}, open},
      {"answered by an ACK", {opens, comes(back(ack))}, open},
      {"established", {opens, answers}, open},
      {"established, data both ways", {opens, answers, leaves(out(ack)), comes(back(ack))}, open},
      {"FIN of the pod", {opens, answers, pod_closes}, open},
      {"FIN of the pod, acknowledged", {opens, answers, pod_closes, comes(back(ack))}, open},
      {"FIN of the world", {opens, answers, world_closes}, open},
      {"FIN of the world, acknowledged", {opens, answers, world_closes, leaves(out(ack))}, open},
      {"FIN of the pod twice", {opens, answers, pod_closes, pod_closes}, open},
      {"both FIN, the pod's first", {opens, answers, pod_closes, world_closes}, closing},
      {"both FIN, the world's first", {opens, answers, world_closes, pod_closes}, closing},
      {"both FIN and the last ACK", {opens, answers, pod_closes, world_closes, leaves(out(ack))}, closing},
      {"both FIN, then the pod's RST", {opens, answers, pod_closes, world_closes, leaves(out(rst))}, closing},
      {"both FIN, a late segment of the world", {opens, answers, pod_closes, world_closes, comes(back(ack))}, closing},
      {"RST of the pod", {opens, answers, leaves(out(rst))}, closing},
      {"RST of the world", {opens, answers, reset}, closing},
      {"RST twice", {opens, answers, reset, reset}, closing},
      {"RST, then data of the world", {opens, answers, reset, comes(back(ack))}, open},
      {"RST, then data of the pod", {opens, answers, reset, leaves(out(ack))}, open},
      {"RST, then both FIN", {opens, answers, reset, pod_closes, world_closes}, closing},
      {"RST that the pod would not take", {opens, answers, forged}, open},
      {"RST with the number before", {opens, answers, forged_a_little_before}, open},
      {"RST that the pod would not take, after a FIN", {opens, answers, pod_closes, forged}, open},
      {"begun anew after both FIN",
       {opens, answers, pod_closes, world_closes, leaves(at(out(syn), 0x22341234))},
       half_open},
      {"begun anew after a RST, answered", {opens, answers, reset, opens, answers}, open},
      {"UDP unanswered", {leaves(udp(pod, world))}, 30},
      {"UDP unanswered, asked again", {leaves(udp(pod, world)), leaves(udp(pod, world))}, 30},
      {"UDP answered", {leaves(udp(pod, world)), comes(udp(world, external))}, seconds(t.udp)},
      {"UDP to and fro",
       {leaves(udp(pod, world)), comes(udp(world, external)), leaves(udp(pod, world))},
       seconds(t.udp)},
      {"UDP answered by somebody else", {leaves(udp(pod, world)), comes(udp({who.node, 443}, external))}, 30},
      {"ICMP", {leaves(echo_request(who.pod, who.world, 7))}, seconds(t.icmp)},
      {"ICMP answered",
       {leaves(echo_request(who.pod, who.world, 7)), comes(echo_reply(who.world, who.external, 7))},
       seconds(t.icmp)},
      {"another protocol", {asks(4)}, seconds(t.other)},
      {"another protocol, answered", {asks(4), replies(4)}, seconds(t.other)},
      {"OSPF", {asks(89)}, seconds(t.other)},
      {"SCTP", {asks(132)}, seconds(t.other)},
      {"UDP-Lite unanswered", {asks(136)}, 30},
      {"DCCP", {asks(33)}, seconds(t.other)},
  };
  Engine engine(desired());
  for (const auto& row : rows) {
    for (const bool over : {false, true}) {
      for (const auto& [direction, packet] : row.steps)
        if (direction == Step::leaves)
          engine.egress(packet);
        else
          engine.ingress(packet);
      engine.pass_time(who.family, over ? row.timeout + 1 : row.timeout - 1);
      EXPECT_EQ(alive(engine), over ? 0u : 1u) << row.name;
      engine.pass_time(who.family, 8000);
      ASSERT_EQ(alive(engine), 0u) << row.name;
    }
  }
  EXPECT_EQ(disorder(engine, who.family), "");
}

TEST_P(Time, SlotsAndPortsAreReused) {
  auto small = desired();
  small.max_mappings = 16;
  small.ports = {{2000, 2015}};
  Engine engine(small);
  for (int round = 0; round < 200; ++round) {
    for (std::uint16_t i = 0; i < 16; ++i)
      ASSERT_EQ(engine.egress(tcp({numbered_pod(who.family, i), 2000}, world, syn)).reason, "translated");
    engine.pass_time(who.family, 31);
    engine.pass_time(who.family, 1);
    ASSERT_EQ(alive(engine), 0u) << round;
  }
  EXPECT_LT(engine.control(who.family).unused, 64u) << "slots are used again";
}

// R22: whatever there is many of, nothing stays.
TEST_P(Time, AllIdentifiersAndAllStatesExpire) {
  auto large = desired();
  large.max_mappings = large.max_mappings_per_pod = 120000;
  Engine engine(large);
  const auto out = engine.program().egress(), in = engine.program().ingress();
  for (std::uint32_t id = 0; id < 65536; ++id)
    ASSERT_EQ(
        run_frame(
            out, echo_request(numbered_pod(who.family, id % 50000), who.world, static_cast<std::uint16_t>(id)).frame()),
        pass)
        << id;
  for (std::uint16_t i = 0; i < 4000; ++i) {
    const Endpoint from{who.pod, static_cast<std::uint16_t>(2000 + i)}, as{who.external, from.port};
    run_frame(out, udp(from, world).frame());
    run_frame(out, tcp(from, world, syn).frame());
    if (i % 2) run_frame(in, udp(world, as).frame());
    if (i % 4) run_frame(in, tcp(world, as, syn | ack).frame());
    if (i % 4 > 1) run_frame(out, tcp(from, world, fin | ack).frame());
    if (i % 4 == 3) run_frame(in, tcp(world, as, fin | ack).frame());
  }
  for (std::uint8_t protocol = 200; protocol < 250; ++protocol)
    run_frame(out, other(who.pod, who.world, protocol, pattern(20)).frame());
  ASSERT_EQ(alive(engine), 65536u + 2 * 4000 + 50);
  engine.pass_time(who.family, 31);
  EXPECT_EQ(alive(engine), 65536u + 2000 + 3000 + 50) << "without those that nobody answered";
  engine.pass_time(who.family, 30);
  EXPECT_EQ(alive(engine), 2000u + 3000 + 50) << "without the pings";
  engine.pass_time(who.family, 7441);
  EXPECT_EQ(alive(engine), 0u);
  EXPECT_EQ(disorder(engine, who.family), "");
}

// R20: what is in use is never ended, however often the sweep comes by.
TEST_P(Time, NoSweepEndsAMappingInUse) {
  Engine engine(desired());
  struct Use {
    int program;
    Bytes frame;
  };
  std::vector<Use> uses;
  const auto out = engine.program().egress(), in = engine.program().ingress();
  for (std::uint16_t i = 0; i < 2000; ++i) {
    const Endpoint from{who.pod, static_cast<std::uint16_t>(2000 + i)}, as{who.external, from.port};
    switch (i % 4) {
      case 0:
        uses.push_back({out, udp(from, world).frame()});
        break;
      case 1:
        uses.push_back({out, tcp(from, world, ack).frame()});
        break;
      case 2:
        uses.push_back({out, echo_request(from.address, world.address, from.port).frame()});
        break;
      default:
        uses.push_back({in, tcp(world, as, ack).frame()});
    }
    if (i % 2) run_frame(out, tcp(from, world, syn).frame());
  }
  const auto use_all = [&] {
    for (const auto& [program, frame] : uses) run_frame(program, frame);
  };
  use_all();
  const auto before = mappings(engine, who.family);
  for (int round = 0; round < 200; ++round) {
    engine.pass_time(who.family, 25);  // less than the shortest timeout; three hours in all
    use_all();
  }
  EXPECT_EQ(alive(engine), 2000u);
  EXPECT_EQ(engine.control(who.family).created, 2000u) << "none was made again";
  EXPECT_EQ(mappings(engine, who.family).size(), before.size());
}

// R21: a storm in one family does not keep the other's sweep waiting.
TEST_P(Time, AStormInOneFamilyDoesNotDelayTheOther) {
  Engine engine(desired());
  const auto stormy = who.family == Family::ipv4 ? Family::ipv6 : Family::ipv4;
  std::atomic<bool> over = false;
  const auto storm = [&](std::uint16_t from) {
    const auto they = cast(stormy);
    while (!over)
      for (std::uint16_t i = 0; i < 2000; ++i)
        run_frame(engine.program().egress(),
                  tcp({they.pod, static_cast<std::uint16_t>(from + i)}, {they.world, 443}, syn).frame());
  };
  std::thread one(storm, 2000), another(storm, 4000);
  const auto begin = std::chrono::steady_clock::now();
  const auto first = engine.control(who.family).sweeps;
  while (engine.control(who.family).sweeps < first + 10 &&
         std::chrono::steady_clock::now() < begin + std::chrono::seconds(20))
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  over = true;
  one.join();
  another.join();
  EXPECT_GE(engine.control(who.family).sweeps, first + 10) << "each tick of 134 ms has one: 20 s are enough anywhere";
}

// R24: 65,535 RSTs by somebody who does not know the sequence numbers; then a lucky one, and the connection goes on.
TEST_P(Time, ForgedResetsDoNotShortenAConnectionsLife) {
  Engine engine(desired());
  engine.egress(out(syn));
  engine.ingress(back(syn | ack));
  engine.egress(out(ack));
  std::mt19937 pick(1);
  for (int i = 0; i < 65535; ++i) {
    // Anywhere but in the 2^26 numbers that count (decision 0006).
    const std::uint32_t number = 0x12341235 + (1u << 26) + pick() % (0xffffffffu - (1u << 26));
    ASSERT_EQ(run_frame(engine.program().ingress(), at(back(rst), number).frame()), pass);
  }
  ASSERT_EQ(mappings(engine, who.family).at(0).state, MASQ_STATE_ESTABLISHED);
  engine.pass_time(who.family, seconds(t.tcp_established) - 1);
  ASSERT_EQ(alive(engine), 1u);
  engine.ingress(back(ack));
  engine.ingress(at(back(rst), 0x12341235 + 1000));
  EXPECT_EQ(mappings(engine, who.family).at(0).state, MASQ_STATE_CLOSING);
  engine.egress(out(ack));
  EXPECT_EQ(mappings(engine, who.family).at(0).state, MASQ_STATE_ESTABLISHED) << "what goes on was not reset";
}

// R32: packets of one connection write its time at most once a second.
TEST_P(Time, AMappingIsRefreshedAtMostOnceASecond) {
  Engine engine(desired());
  const auto seen = [&] { return mappings(engine, who.family).at(0).seen; };
  engine.egress(out(syn));
  engine.ingress(back(syn | ack));
  for (int i = 0; i < 2; ++i) {
    engine.pass_time(who.family, 2);
    const auto old = seen();
    run_frame(engine.program().egress(), out(ack).frame());
    const auto fresh = seen();
    EXPECT_GT(fresh - old, 7u) << "ticks";
    std::uint32_t now = fresh;
    for (; now < fresh + 3; now = engine.control(who.family).clock)
      for (int packet = 0; packet < 1000; ++packet) run_frame(engine.program().ingress(), back(ack).frame());
    EXPECT_TRUE(seen() == fresh || now >= fresh + 8) << "from tick " << fresh << " to " << now;
  }
}

// R18: in a full table those that nobody has answered for a second are the first to go, and nothing else goes.
TEST_P(Time, OnlyHalfOpenConnectionsAreEvicted) {
  auto small = desired();
  small.max_mappings = 32;
  small.max_mappings_per_pod = 32;
  Engine engine(small);
  const auto open = [&](std::uint16_t port, const Address& from) {
    return engine.egress(tcp({from, port}, world, syn)).reason;
  };
  for (std::uint16_t port = 5000; port < 5032; ++port)
    ASSERT_EQ(open(port, numbered_pod(who.family, port)), "translated");
  for (std::uint16_t port = 5000; port < 5020; ++port) engine.ingress(tcp(world, {who.external, port}, syn | ack));
  EXPECT_EQ(open(6000, who.pod2), "table_full") << "the others may be answered yet";
  engine.pass_time(who.family, 2);
  for (std::uint16_t port = 6000; port < 6012; ++port) {
    EXPECT_EQ(open(port, who.pod2), "translated") << port;
    engine.ingress(tcp(world, {who.external, port}, syn | ack));
    engine.pass_time(who.family, 2);
  }
  EXPECT_EQ(open(7000, who.pod2), "table_full") << "all have been answered";
  EXPECT_EQ(alive(engine), 32u);
  for (const auto& m : mappings(engine, who.family)) {
    EXPECT_EQ(m.state, MASQ_STATE_ESTABLISHED);
    EXPECT_TRUE((m.pod.port >= 5000 && m.pod.port < 5020) || m.pod.port >= 6000) << m.pod.port;
  }
}

// The half-open ones are found wherever they are: here behind thousands that are answered.
TEST_P(Time, HalfOpenConnectionsAreFoundBehindManyOthers) {
  auto large = desired();
  large.max_mappings = large.max_mappings_per_pod = 6000;
  Engine engine(large);
  for (std::uint16_t i = 0; i < 6000; ++i) {
    const auto port = static_cast<std::uint16_t>(2000 + i);
    run_frame(engine.program().egress(), tcp({who.pod, port}, world, syn).frame());
    if (i < 5000) run_frame(engine.program().ingress(), tcp(world, {who.external, port}, syn | ack).frame());
  }
  engine.pass_time(who.family, 2);
  for (std::uint16_t port = 10000; port < 10500; ++port)
    run_frame(engine.program().egress(), tcp({who.pod2, port}, world, syn).frame());
  EXPECT_LE(engine.packets(who.family, MASQ_EGRESS, MASQ_REASON_TABLE_FULL), 30u)
      << "of 500, each with a thousand to choose";
}

}  // namespace
}  // namespace masq::bpf::test
