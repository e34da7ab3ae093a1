// SPDX-License-Identifier: Apache-2.0
// Ports of conversations that are over go to new ones before they expire: docs/decisions/0017. Hard case R12.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/pinned_table.hpp"
#include "engine.hpp"
#include "model/desired.hpp"
#include "packet.hpp"
#include "table.hpp"

namespace masq::bpf::test {
namespace {

Desired with_ports(std::uint16_t first, std::uint16_t last) {
  return test::with_ports({{.low = first, .high = last}}, 4000);
}

struct Numbers {
  std::uint32_t sequence = 0;
  std::uint32_t timestamp = 0;  // 0: none
};

class Reclaim : public BothFamilies {
 protected:
  const Endpoint world{who.world, 443}, resolver{who.world, 53};

  static Packet with(Packet packet, Numbers numbers) {
    packet.sequence = numbers.sequence;
    packet.timestamp = numbers.timestamp;
    packet.payload.clear();
    return packet;
  }
  std::string open(const Engine& engine, const Endpoint& pod, Numbers numbers) const {
    return engine.egress(with(tcp(pod, world, syn), numbers)).reason;
  }
  void answer(const Engine& engine, std::uint16_t external) const {
    engine.ingress(tcp(world, {who.external, external}, syn | ack));
  }
  void pod_closes(const Engine& engine, const Endpoint& pod, Numbers numbers) const {
    engine.egress(with(tcp(pod, world, fin | ack), numbers));
  }
  void remote_closes(const Engine& engine, std::uint16_t external) const {
    auto last = tcp(world, {who.external, external}, fin | ack);
    last.sequence = 0x12341235;
    engine.ingress(last);
  }
  void remote_acknowledges(const Engine& engine, std::uint16_t external, std::uint32_t pods_fin) const {
    auto last = tcp(world, {who.external, external}, ack);
    last.acknowledgement = pods_fin + 1;
    engine.ingress(with(last, {.sequence = 0x12341236}));
  }
  // The default is the acknowledgement of the pod's FIN, before it has seen the remote one.
  void pod_acknowledges(const Engine& engine, const Endpoint& pod, Numbers numbers, bool remotes_fin) const {
    auto last = with(tcp(pod, world, ack), numbers);
    if (remotes_fin) last.acknowledgement = 0x12341236;
    engine.egress(last);
  }
  // A connection from the begin to the end, of which the remote endpoint keeps TIME-WAIT.
  void converse(const Engine& engine, const Endpoint& pod, std::uint16_t external, Numbers last) const {
    ASSERT_EQ(open(engine, pod, {.sequence = last.sequence - 1000, .timestamp = last.timestamp}), "translated");
    answer(engine, external);
    remote_closes(engine, external);
    pod_closes(engine, pod, last);
    remote_acknowledges(engine, external, last.sequence);
  }
  std::string ask(const Engine& engine, const Endpoint& pod, const Endpoint& remote) const {
    return engine.egress(udp(pod, remote)).reason;
  }
  void reply(const Engine& engine, const Endpoint& remote, std::uint16_t external) const {
    EXPECT_EQ(engine.ingress(udp(remote, {who.external, external})).reason, "translated");
  }
  std::set<std::string> pods_of(const Engine& engine) const {
    std::set<std::string> pods;
    for (const auto& m : mappings(engine, who.family)) pods.insert(m.pod.address.to_string());
    return pods;
  }
};
MASQ_BOTH_FAMILIES(Reclaim);

// RFC 9293 3.6.1, RFC 6191. The old connection's FIN has number 5000, and timestamp 900.
TEST_P(Reclaim, AClosedConnectionsPortGoesToASynThatTimeWaitAccepts) {
  struct Row {
    const char* what;
    Numbers last, next;
    bool taken;
  };
  const std::vector<Row> rows = {
      {"a later number", {5000, 0}, {5002, 0}, true},
      {"the number that TIME-WAIT expects", {5000, 0}, {5001, 0}, false},
      {"an earlier number", {5000, 0}, {4000, 0}, false},
      {"a later number, beyond zero", {0xfffffff0, 0}, {100, 0}, true},
      {"half a circle away", {5000, 0}, {5000 + 0x80000000u, 0}, false},
      {"later in both", {5000, 900}, {6000, 901}, true},
      {"a later number, the same timestamp", {5000, 900}, {6000, 900}, false},
      {"a later number, an earlier timestamp", {5000, 900}, {6000, 899}, false},
      {"an earlier number, a later timestamp", {5000, 900}, {4000, 901}, false},
      {"without a timestamp after one with", {5000, 900}, {6000, 0}, true},
      {"with a timestamp after one without", {5000, 0}, {6000, 1}, true},
  };
  for (const auto& row : rows)
    for (const auto& next : {who.pod, who.pod2}) {
      const Engine engine(with_ports(2000, 2000));
      converse(engine, {who.pod, 5000}, 2000, row.last);
      EXPECT_EQ(open(engine, {next, 6000}, row.next) == "translated", row.taken) << row.what;
      EXPECT_EQ(engine.control(who.family).used, 1u) << row.what;
      EXPECT_EQ(disorder(engine, who.family), "") << row.what;
    }
}

// The pod's last acknowledgement has the last timestamp.
TEST_P(Reclaim, TheLastSegmentsTimestampCountsWhenThePodClosesFirst) {
  const Engine engine(with_ports(2000, 2000));
  const Endpoint pod{who.pod, 5000};
  ASSERT_EQ(open(engine, pod, {.sequence = 1000, .timestamp = 800}), "translated");
  answer(engine, 2000);
  pod_closes(engine, pod, {.sequence = 5000, .timestamp = 900});
  remote_closes(engine, 2000);
  pod_acknowledges(engine, pod, {.sequence = 5001, .timestamp = 950}, true);
  EXPECT_NE(open(engine, {who.pod2, 6000}, {.sequence = 9000, .timestamp = 920}), "translated");
  EXPECT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 9000, .timestamp = 951}), "translated");
}

TEST_P(Reclaim, TheDataOfTheLastSegmentCounts) {
  const Engine engine(with_ports(2000, 2000));
  const Endpoint pod{who.pod, 5000};
  ASSERT_EQ(open(engine, pod, {.sequence = 1000}), "translated");
  answer(engine, 2000);
  remote_closes(engine, 2000);
  auto last = with(tcp(pod, world, fin | ack), {.sequence = 5000});
  last.payload = std::string(1000, 'x');
  engine.egress(last);
  remote_acknowledges(engine, 2000, 6000);
  EXPECT_NE(open(engine, {who.pod2, 6000}, {.sequence = 5900}), "translated");
  EXPECT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 6002}), "translated");
}

// Else its receiver's acknowledgement would go to the new connection, and its sender would send it again.
TEST_P(Reclaim, TheLastFinHasToBeAcknowledged) {
  for (const bool pod_first : {false, true}) {
    Engine engine(with_ports(2000, 2000));
    const Endpoint pod{who.pod, 5000};
    ASSERT_EQ(open(engine, pod, {.sequence = 1000}), "translated");
    answer(engine, 2000);
    const auto last_ack = [&](std::uint32_t pods_fin) {
      if (pod_first)
        pod_acknowledges(engine, pod, {.sequence = 5001}, pods_fin == 5000);
      else
        remote_acknowledges(engine, 2000, pods_fin);
    };
    if (pod_first) pod_closes(engine, pod, {.sequence = 5000});
    last_ack(4000);
    remote_closes(engine, 2000);
    if (!pod_first) {
      pod_closes(engine, pod, {.sequence = 5000});
      last_ack(4999);
    }
    EXPECT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 6000}), "no_free_port") << pod_first;
    last_ack(5000);
    engine.next_tick(who.family);
    EXPECT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 6000}), "translated") << pod_first;
  }
}

// The remote side ends the connection and sends its FIN again, while the pod's is lost: it is in FIN-WAIT-2 and refuses
// a SYN.
TEST_P(Reclaim, ARepeatedAcknowledgementIsNotThatOfThePodsFin) {
  Engine engine(with_ports(2000, 2000));
  const Endpoint pod{who.pod, 5000};
  ASSERT_EQ(open(engine, pod, {.sequence = 1000}), "translated");
  answer(engine, 2000);
  remote_closes(engine, 2000);
  auto last = with(tcp(pod, world, fin | ack), {.sequence = 5000});
  last.acknowledgement = 0x12341236;
  engine.egress(last);
  pod_acknowledges(engine, pod, {.sequence = 5001}, true);
  EXPECT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 6000}), "no_free_port");
  engine.egress(last);
  remote_acknowledges(engine, 2000, 5000);
  engine.next_tick(who.family);
  EXPECT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 6000}), "translated");
}

TEST_P(Reclaim, AnUnacknowledgedFinHoldsThePortForTwoSeconds) {
  Engine engine(with_ports(2000, 2000));
  const Endpoint pod{who.pod, 5000};
  ASSERT_EQ(open(engine, pod, {.sequence = 1000}), "translated");
  answer(engine, 2000);
  remote_closes(engine, 2000);
  pod_closes(engine, pod, {.sequence = 5000});
  EXPECT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 6000}), "no_free_port");
  engine.pass_time(who.family, 3);
  EXPECT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 6000}), "translated");
}

TEST_P(Reclaim, OpenAndHalfClosedConnectionsAreNeverTaken) {
  for (const int closed : {0, 1, 2}) {
    Engine engine(with_ports(2000, 2000));
    const Endpoint pod{who.pod, 5000};
    ASSERT_EQ(open(engine, pod, {.sequence = 1000}), "translated");
    answer(engine, 2000);
    if (closed == 1) pod_closes(engine, pod, {.sequence = 2000});
    if (closed == 2) remote_closes(engine, 2000);
    engine.pass_time(who.family, 3600);
    for (std::uint32_t i = 0; i < 100; ++i)
      ASSERT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 3000 + i}), "no_free_port") << closed;
    EXPECT_EQ(engine.egress(with(tcp(pod, world), {.sequence = 2000})).reason, "translated") << closed;
    EXPECT_EQ(engine.control(who.family).used, 1u);
  }
}

TEST_P(Reclaim, AResetConnectionsPortIsTakenAfterASecond) {
  Engine engine(with_ports(2000, 2000));
  ASSERT_EQ(open(engine, {who.pod, 5000}, {.sequence = 1000}), "translated");
  answer(engine, 2000);
  engine.egress(with(tcp({who.pod, 5000}, world, rst | ack), {.sequence = 1001}));
  EXPECT_NE(open(engine, {who.pod2, 6000}, {.sequence = 5}), "translated");
  engine.pass_time(who.family, 3);
  EXPECT_EQ(open(engine, {who.pod2, 6000}, {.sequence = 5}), "translated") << "the remote endpoint has forgotten it";
}

TEST_P(Reclaim, OnlyASynTakesAPort) {
  const Engine engine(with_ports(2000, 2000));
  converse(engine, {who.pod, 5000}, 2000, {.sequence = 5000});
  EXPECT_EQ(engine.egress(with(tcp({who.pod2, 6000}, world), {.sequence = 9000})).reason, "no_free_port");
}

// Free ports first; then the pod's own; then other pods', that which was closed first.
TEST_P(Reclaim, ThePodsOwnPortPrecedesAnOlderOneOfAnotherPod) {
  Engine engine(with_ports(2000, 2003));
  converse(engine, {who.pod2, 2000}, 2000, {.sequence = 5000});
  engine.pass_time(who.family, 20);
  converse(engine, {who.pod, 2001}, 2001, {.sequence = 5000});
  engine.pass_time(who.family, 10);
  converse(engine, {who.other_pod, 2002}, 2002, {.sequence = 5000});
  ASSERT_EQ(open(engine, {who.other_pod, 7000}, {.sequence = 9000}), "translated");
  EXPECT_EQ(engine.control(who.family).used, 4u) << "the free one first";
  const auto port_of = [&](std::uint16_t pod_port) {
    for (const auto& m : mappings(engine, who.family))
      if (m.pod.port == pod_port) return m.external.port;
    return std::uint16_t{0};
  };
  ASSERT_EQ(open(engine, {who.pod, 7001}, {.sequence = 9000}), "translated");
  EXPECT_EQ(port_of(7001), 2001) << "its own";
  ASSERT_EQ(open(engine, {who.pod, 7002}, {.sequence = 9000}), "translated");
  EXPECT_EQ(port_of(7002), 2000) << "the longest closed";
  EXPECT_EQ(disorder(engine, who.family), "");
}

// RFC 4787 REQ-5 a.
TEST_P(Reclaim, AnAnsweredDnsQuestionGivesWayAfterASecond) {
  Engine engine(with_ports(2000, 2000));
  ASSERT_EQ(ask(engine, {who.pod, 5000}, resolver), "translated");
  reply(engine, resolver, 2000);
  EXPECT_NE(ask(engine, {who.pod2, 5000}, resolver), "translated") << "a retransmission would still be answered";
  engine.pass_time(who.family, 2);
  EXPECT_EQ(ask(engine, {who.pod2, 5000}, resolver), "translated");
  EXPECT_EQ(pods_of(engine), std::set{who.pod2.to_string()});
  EXPECT_EQ(disorder(engine, who.family), "");
}

TEST_P(Reclaim, AnUnansweredDnsQuestionKeepsItsPort) {
  Engine engine(with_ports(2000, 2000));
  const Endpoint pod{who.pod, 5000};
  ASSERT_EQ(ask(engine, pod, resolver), "translated");
  ASSERT_EQ(ask(engine, pod, resolver), "translated");
  reply(engine, resolver, 2000);
  engine.pass_time(who.family, 20);
  EXPECT_EQ(ask(engine, {who.pod2, 5000}, resolver), "no_free_port") << "one of two answers";
  reply(engine, resolver, 2000);
  engine.pass_time(who.family, 2);
  EXPECT_EQ(ask(engine, {who.pod2, 5000}, resolver), "translated");
}

TEST_P(Reclaim, AnAnsweredDnsMappingExpiresSoonAndOtherUdpDoesNot) {
  Engine engine(with_ports(2000, 2999));
  ASSERT_EQ(ask(engine, {who.pod, 2000}, resolver), "translated");
  ASSERT_EQ(ask(engine, {who.pod, 2001}, resolver), "translated");
  ASSERT_EQ(ask(engine, {who.pod, 2002}, world), "translated");
  reply(engine, resolver, 2000);
  reply(engine, world, 2002);
  engine.pass_time(who.family, 6);
  EXPECT_EQ(engine.control(who.family).used, 2u) << "the unanswered question, and the other protocol";
  engine.pass_time(who.family, 280);
  EXPECT_EQ(engine.control(who.family).used, 1u) << "RFC 4787 REQ-5: not before two minutes, here five";
}

// One question and its answer, long ago: only where a port is needed, and never a conversation.
TEST_P(Reclaim, AnExchangeGivesWayAndAConversationDoesNot) {
  Engine engine(with_ports(2000, 2001));
  ASSERT_EQ(ask(engine, {who.pod, 2000}, world), "translated");
  reply(engine, world, 2000);
  ASSERT_EQ(ask(engine, {who.pod2, 2001}, world), "translated");
  reply(engine, world, 2001);
  ASSERT_EQ(ask(engine, {who.pod2, 2001}, world), "translated");
  EXPECT_EQ(ask(engine, {who.other_pod, 5000}, world), "no_free_port") << "just now";
  engine.pass_time(who.family, 100);
  ASSERT_EQ(ask(engine, {who.other_pod, 5000}, world), "translated");
  EXPECT_EQ(pods_of(engine), (std::set{who.pod2.to_string(), who.other_pod.to_string()}));
  engine.pass_time(who.family, 1);
  EXPECT_EQ(ask(engine, {who.own, 1}, world), "unrelated");
  EXPECT_EQ(ask(engine, {who.pod, 2000}, world), "no_free_port") << "one is new, the other goes on";
}

// 10,000 connections one after the other through 500 ports, by 20 pods, each with later numbers than the last.
TEST_P(Reclaim, ManyShortConnectionsUseFewPorts) {
  const Engine engine(with_ports(2000, 2499));
  for (std::uint32_t i = 0; i < 10000; ++i) {
    const Endpoint pod{numbered_pod(who.family, i % 20), static_cast<std::uint16_t>(5000 + i / 20 % 1000)};
    const auto out = engine.egress(with(tcp(pod, world, syn), {.sequence = 1000 * (i + 1), .timestamp = i + 1}));
    ASSERT_EQ(out.reason, "translated") << i;
    const auto external = source_port(out, who.family);
    answer(engine, external);
    remote_closes(engine, external);
    pod_closes(engine, pod, {.sequence = 1000 * (i + 1) + 100, .timestamp = i + 1});
    remote_acknowledges(engine, external, 1000 * (i + 1) + 100);
  }
  EXPECT_LE(engine.control(who.family).used, 500u);
  EXPECT_LT(engine.births(who.family).attempts, 10000u * 5) << "candidates that were looked at";
  EXPECT_EQ(disorder(engine, who.family), "");
}

// Conversations on all 48 ports are over, and four of them fit the new connection: a search goes on until it meets one.
TEST_P(Reclaim, ASearchFindsTheFewPortsThatFit) {
  const Numbers early{.sequence = 1000}, next{.sequence = 0x20000000}, late{.sequence = 0x40000000};
  const Engine engine(with_ports(2000, 2047));
  const auto converse = [&](std::uint32_t number, Numbers first, Numbers last) {
    const Endpoint pod{numbered_pod(who.family, number % 2), static_cast<std::uint16_t>(5000 + number)};
    const auto out = engine.egress(with(tcp(pod, world, syn), first));
    if (out.reason != "translated") return false;
    const auto external = source_port(out, who.family);
    answer(engine, external);
    remote_closes(engine, external);
    pod_closes(engine, pod, last);
    remote_acknowledges(engine, external, last.sequence);
    return true;
  };
  for (std::uint32_t i = 0; i < 48; ++i) ASSERT_TRUE(converse(i, {}, i % 12 == 0 ? early : late));
  std::uint32_t refused = 0;
  for (std::uint32_t i = 48; i < 2000; ++i) refused += !converse(i, next, early);
  EXPECT_EQ(refused, 0u);
  EXPECT_EQ(disorder(engine, who.family), "");
}

// How many ports the last search has looked at, the pod's own included; the most of all CPUs' last ones. It reads
// struct port_search (bpf/nat/port_known.h): a tuple, four numbers, `tried` and `probed`.
std::uint32_t looked_at(const Engine& engine, Family family) {
  const int map = engine.program().map(map_name("port_search", family));
  bpf_map_info info{};
  std::uint32_t size = sizeof info, zero = 0, most = 0;
  EXPECT_EQ(bpf_obj_get_info_by_fd(map, &info, &size), 0);
  const std::size_t tuple = (family == Family::ipv4 ? sizeof(masq_tuple4) : sizeof(masq_tuple6)) / 4;
  const std::size_t words = (info.value_size + 7) / 8 * 2;
  std::vector<std::uint32_t> all(words * static_cast<std::size_t>(libbpf_num_possible_cpus()));
  EXPECT_EQ(bpf_map_lookup_elem(map, &zero, all.data()), 0);
  for (std::size_t cpu = 0; cpu < all.size(); cpu += words)
    most = std::max(most, 1 + all[cpu + tuple + 4] + all[cpu + tuple + 5]);
  return most;
}

void forget_known_ports(const Engine& engine, Family family) {
  const int map = engine.program().map(map_name("known_ports", family));
  for (masq_tuple6 key; bpf_map_get_next_key(map, nullptr, &key) == 0;) ASSERT_EQ(bpf_map_delete_elem(map, &key), 0);
}

// Every state of the table: ports that nothing is known of, that are known, live connections, those that are over.
TEST_P(Reclaim, ASearchLooksAtFewPorts) {
  for (const bool closed : {false, true}) {
    Engine engine(with_ports(2000, 2999));
    std::uint32_t most = 0, number = 0;
    const auto try_one = [&](const char* what) {
      const Endpoint pod{numbered_pod(who.family, number), static_cast<std::uint16_t>(10000 + number)};
      ++number;
      const auto out = engine.egress(with(tcp(pod, world, syn), {.sequence = 1000}));  // too early for TIME-WAIT
      EXPECT_LE(looked_at(engine, who.family), 64u) << what;
      most = std::max(most, looked_at(engine, who.family));
      return out;
    };
    for (unsigned i = 0; i < 1000; ++i) {
      const auto external = source_port(try_one("free ports"), who.family);
      if (!closed) continue;
      answer(engine, external);
      remote_closes(engine, external);
      pod_closes(engine, {numbered_pod(who.family, i), static_cast<std::uint16_t>(10000 + i)}, {.sequence = 5000});
      remote_acknowledges(engine, external, 5000);
    }
    ASSERT_EQ(engine.control(who.family).used, 1000u);
    for (int tick = 0; tick < 3; ++tick) {
      for (int i = 0; i < 20; ++i) try_one("known ports");
      engine.next_tick(who.family);
    }
    for (int i = 0; i < 50; ++i) {
      forget_known_ports(engine, who.family);
      try_one("unknown ports");
    }
    EXPECT_GE(most, 40u) << "the test has met the longest search";
    EXPECT_EQ(engine.control(who.family).used, 1000u);
  }
}

}  // namespace
}  // namespace masq::bpf::test
