// SPDX-License-Identifier: Apache-2.0
// What the programs tell one who watches, and that they tell nothing else; floods: the hard case R98.
#include "bpf/abi/event.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "engine.hpp"
#include "model/desired.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

constexpr std::uint32_t all_types = (1u << MASQ_EVENT_TYPE_COUNT) - 1;
constexpr std::uint32_t a_minute = (60'000'000'000ull) >> MASQ_TICK_SHIFT;

class Events : public BothFamilies {
 protected:
  static Desired one_port() {
    auto narrow = desired();
    narrow.ports = {{2000, 2000}};
    return narrow;
  }

  // Somebody watches these types until so many ticks from now.
  void watch(std::uint32_t types, std::int32_t ticks = a_minute) {
    auto now = monitor();
    now.types = types;
    now.until = engine.control(who.family).clock + static_cast<std::uint32_t>(ticks);
    const std::uint32_t key = 0;
    ASSERT_EQ(bpf_map_update_elem(engine.program().map("monitor"), &key, &now, BPF_ANY), 0);
  }
  masq_monitor monitor() const {
    masq_monitor monitor{};
    const std::uint32_t key = 0;
    EXPECT_EQ(bpf_map_lookup_elem(engine.program().map("monitor"), &key, &monitor), 0);
    return monitor;
  }
  // The events since the last call.
  std::vector<masq_event> taken() {
    std::vector<masq_event> events;
    const auto arrived = [](void* context, void* data, std::size_t size) {
      masq_event event{};
      EXPECT_EQ(size, sizeof event);
      std::memcpy(&event, data, sizeof event);
      static_cast<std::vector<masq_event>*>(context)->push_back(event);
      return 0;
    };
    ring_buffer* ring = ring_buffer__new(engine.program().map("events"), arrived, &events, nullptr);
    EXPECT_NE(ring, nullptr);
    if (ring) ring_buffer__consume(ring);
    ring_buffer__free(ring);
    return events;
  }
  Outcome open(std::uint16_t port) { return engine.egress(tcp({who.pod, port}, {who.world, 443}, syn)); }

  void expect_endpoint(const Endpoint& expected, const masq_addr6& address, std::uint16_t port) const {
    const auto bytes = std::span(address.bytes).first(who.family == Family::ipv4 ? 4 : 16);
    EXPECT_EQ(expected.address.to_string(), Address::from_bytes(bytes).to_string());
    EXPECT_EQ(expected.port, ntohs(port));
  }
  void expect_flow(const masq_event& event, masq_event_type type, const Endpoint& pod, const Endpoint& remote) const {
    EXPECT_EQ(event.type, type);
    EXPECT_EQ(event.family, static_cast<int>(who.family));
    EXPECT_NEAR(static_cast<double>(event.time >> MASQ_TICK_SHIFT), engine.control(who.family).clock, a_minute);
    expect_endpoint(pod, event.pod, event.pod_port);
    expect_endpoint(remote, event.remote, event.remote_port);
  }
  void expect_drop(const masq_event& event, masq_direction direction, masq_reason reason) const {
    EXPECT_EQ(event.type, MASQ_EVENT_DROP);
    EXPECT_EQ(event.direction, direction);
    EXPECT_EQ(event.reason, reason);
    EXPECT_EQ(event.ifindex, 1u);
  }

  Engine engine{one_port()};
};
MASQ_BOTH_FAMILIES(Events);

TEST_P(Events, AMappingIsReportedWhenCreatedAndEnded) {
  watch(all_types);
  ASSERT_EQ(open(5000).reason, "translated");
  ASSERT_EQ(open(5000).reason, "translated") << "sent again";
  auto events = taken();
  ASSERT_EQ(events.size(), 1u);
  expect_flow(events[0], MASQ_EVENT_CREATED, {who.pod, 5000}, {who.world, 443});
  expect_endpoint({who.external, 2000}, events[0].external, events[0].external_port);
  EXPECT_EQ(events[0].protocol, IPPROTO_TCP);
  EXPECT_EQ(events[0].state, MASQ_STATE_NEW);
  EXPECT_EQ(events[0].ifindex, 1u);
  engine.ingress(tcp({who.world, 443}, {who.external, 2000}, syn | ack));
  engine.egress(tcp({who.pod, 5000}, {who.world, 443}, rst));
  EXPECT_EQ(taken().size(), 0u);
  engine.pass_time(who.family, 241);
  events = taken();
  ASSERT_EQ(events.size(), 1u);
  expect_flow(events[0], MASQ_EVENT_ENDED, {who.pod, 5000}, {who.world, 443});
  expect_endpoint({who.external, 2000}, events[0].external, events[0].external_port);
  EXPECT_EQ(events[0].state, MASQ_STATE_CLOSING);
}

TEST_P(Events, ADropHasItsReasonAndNoEndedEvent) {
  watch(all_types);
  open(5000);
  ASSERT_EQ(open(5001).reason, "port_share");
  const auto events = taken();
  ASSERT_EQ(events.size(), 2u);
  expect_flow(events[1], MASQ_EVENT_DROP, {who.pod, 5001}, {who.world, 443});
  expect_drop(events[1], MASQ_EGRESS, MASQ_REASON_PORT_SHARE);
  engine.pass_time(who.family, 31);
  EXPECT_EQ(taken().size(), 1u) << "that of port 5000";
}

// A resting connection's answer is dropped: the pod that it was for is named, not the node.
TEST_P(Events, ADropFromOutsideNamesThePod) {
  engine = Engine(desired());
  auto first = tcp({who.pod, 5000}, {who.world, 443}, syn), second = first;
  first.sequence = 1000;
  second.sequence = 9000;
  engine.egress(first);
  engine.ingress(tcp({who.world, 443}, {who.external, 5000}, syn | ack));
  engine.egress(second);
  watch(1u << MASQ_EVENT_DROP);
  ASSERT_EQ(engine.ingress(tcp({who.world, 443}, {who.external, 5000}, ack)).reason, "quarantined");
  const auto events = taken();
  ASSERT_EQ(events.size(), 1u);
  expect_flow(events[0], MASQ_EVENT_DROP, {who.pod, 5000}, {who.world, 443});
  expect_drop(events[0], MASQ_INGRESS, MASQ_REASON_QUARANTINED);
}

TEST_P(Events, PassedPacketsProduceNoEvents) {
  watch(all_types);
  EXPECT_EQ(engine.egress(tcp({who.pod, 5000}, {who.excluded, 443}, syn)).verdict, pass);
  EXPECT_EQ(engine.egress(udp({who.own, 5000}, {who.world, 53})).reason, "unrelated");
  EXPECT_EQ(engine.ingress(tcp({who.world, 443}, {who.external, 7000}, ack)).reason, "unrelated");
  engine.pass_time(who.family, 8000);
  EXPECT_EQ(taken().size(), 0u);
}

TEST_P(Events, AFragmentedDatagramIsOneMapping) {
  watch(all_types);
  auto datagram = udp({who.pod, 5000}, {who.world, 53});
  datagram.payload = std::string(1500, 'x');
  for (const std::size_t offset : {0u, 800u}) engine.egress_bytes(datagram.fragment(offset, 800, 7), who.family);
  EXPECT_EQ(taken().size(), 1u);
  engine.pass_time(who.family, 8000);
  EXPECT_EQ(taken().size(), 1u);
}

TEST_P(Events, NothingIsWrittenWithoutAMonitor) {
  open(5000);
  open(5001);
  watch(all_types, 0);  // the lease has run out
  open(5001);
  watch(all_types, -1000);
  open(5001);
  watch(1u << MASQ_EVENT_CREATED | 1u << MASQ_EVENT_ENDED);
  open(5001);
  EXPECT_EQ(taken().size(), 0u);
  EXPECT_EQ(monitor().lost[MASQ_EVENT_DROP], 0u);
  watch(1u << MASQ_EVENT_DROP);
  open(5001);
  EXPECT_EQ(taken().size(), 1u);
}

// Each is counted by reason, and either written or counted as lost; a mapping made in the midst of it is told.
TEST_P(Events, AFloodOfDropsIsCountedAndHidesNoMapping) {
  constexpr std::uint32_t packets = 200'000;
  watch(all_types);
  auto frame = tcp({who.pod, 5001}, {who.world, 443}, rst).frame();
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame.data();
  run.data_size_in = static_cast<std::uint32_t>(frame.size());
  run.repeat = static_cast<int>(packets);
  ASSERT_EQ(bpf_prog_test_run_opts(engine.program().egress(), &run), 0);
  ASSERT_EQ(run.retval, static_cast<std::uint32_t>(drop));
  open(5000);
  std::uint64_t drops = 0, made = 0;
  for (const auto& event : taken()) ++(event.type == MASQ_EVENT_DROP ? drops : made);
  EXPECT_EQ(engine.packets(who.family, MASQ_EGRESS, MASQ_REASON_NO_MAPPING), packets);
  EXPECT_EQ(made, 1u);
  EXPECT_EQ(drops + monitor().lost[MASQ_EVENT_DROP], packets);
  EXPECT_GE(drops, std::uint64_t{MASQ_EVENTS_PER_TICK});
  const auto ticks = (std::uint64_t{run.duration} * packets >> MASQ_TICK_SHIFT) + 2;
  EXPECT_LE(drops, ticks * MASQ_EVENTS_PER_TICK);
  EXPECT_EQ(monitor().lost[MASQ_EVENT_CREATED], 0u);
}

}  // namespace
}  // namespace masq::bpf::test
