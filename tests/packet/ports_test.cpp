// SPDX-License-Identifier: Apache-2.0
// Which ports connections leave under. Hard cases R2, R6, R7.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/port_range.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/pinned_table.hpp"
#include "engine.hpp"
#include "model/desired.hpp"
#include "packet.hpp"
#include "sockets.hpp"
#include "table.hpp"

namespace masq::bpf::test {
namespace {

class Ports : public BothFamilies {
 protected:
  static Desired roomy(std::vector<PortRange> ports) { return with_ports(std::move(ports), 60000); }
  int open(const Engine& engine, const Endpoint& pod, std::uint16_t remote_port = 443) const {
    return run_frame(engine.program().egress(), tcp(pod, {who.world, remote_port}, syn).frame());
  }
};
MASQ_BOTH_FAMILIES(Ports);

bool contains(const std::vector<PortRange>& ranges, std::uint16_t port) {
  return std::ranges::any_of(ranges, [&](PortRange range) { return range.low <= port && port <= range.high; });
}

// R2: a pool of the size of Linux' ephemeral ports is filled toward one endpoint. `order`: the pod's own ports.
class Fill : public Ports {
 protected:
  const std::vector<PortRange> range{{1024, 29255}};
  // Each connection has a pod of its own: a pod gets no port when it has as many as are still free.
  void fill(std::vector<std::uint16_t> order, bool random) {
    auto wanted = roomy(range);
    wanted.kernel.random_fully = random;
    const Engine engine(wanted);
    unsigned number = 0;
    for (const auto port : order) open(engine, {numbered_pod(who.family, number++), port});
    EXPECT_EQ(engine.packets(who.family, MASQ_EGRESS, MASQ_REASON_NO_FREE_PORT), 0u) << "before the last port";
    EXPECT_EQ(engine.control(who.family).used, order.size());
    EXPECT_EQ(disorder(engine, who.family), "");
    EXPECT_EQ(open(engine, {who.pod2, 2000}), drop) << "there is none left";
    EXPECT_EQ(engine.packets(who.family, MASQ_EGRESS, MASQ_REASON_NO_FREE_PORT), 1u);
  }
  // As many ports as the range has, in or out of it.
  std::vector<std::uint16_t> ports_from(std::uint16_t first) const {
    std::vector<std::uint16_t> ports(port_count(range));
    std::iota(ports.begin(), ports.end(), first);
    return ports;
  }
};
MASQ_BOTH_FAMILIES(Fill);

TEST_P(Fill, OneByOne) {
  fill(ports_from(1024), false);
}

TEST_P(Fill, OneByOneFromPortsOutsideTheRange) {
  fill(ports_from(30000), false);
}

TEST_P(Fill, InRandomOrder) {
  auto order = ports_from(15000);  // half of them can be kept
  std::ranges::shuffle(order, std::mt19937(1));
  fill(order, false);
}

TEST_P(Fill, FullyAtRandom) {
  fill(ports_from(1024), true);
}

// R1, R2: the port of the connection that ended is the one that the next gets.
TEST_P(Fill, AReleasedPortIsTheOneThatIsUsed) {
  const auto wanted = roomy({{2000, 2999}});
  Engine engine(wanted);
  for (unsigned i = 0; i < 1000; ++i) open(engine, {numbered_pod(who.family, i), 40000});
  const auto all = mappings(engine, who.family);
  ASSERT_EQ(all.size(), 1000u);
  EXPECT_EQ(open(engine, {who.pod2, 2000}), drop);
  // The node takes the port of one connection; then it is given up again.
  const auto taken = all[500];
  engine.egress(udp(taken.external, {who.world, 443}));
  EXPECT_EQ(open(engine, {who.pod2, 2000}), drop) << "the node's UDP is another port space";
  engine.egress(tcp(taken.external, {who.world, 443}, syn));
  engine.pass_time(who.family, 0);
  EXPECT_EQ(open(engine, {who.pod2, 2000}), pass);
  std::set<std::uint16_t> of_pod2;
  for (const auto& m : mappings(engine, who.family))
    if (m.pod.address == who.pod2) of_pod2.insert(m.external.port);
  EXPECT_EQ(of_pod2, std::set{taken.external.port});
}

class KnownPorts : public Ports {
 protected:
  const std::vector<PortRange> two{{2000, 2001}};

  // What is known of the one remote endpoint's ports, changed by hand: struct known_ports in bpf/nat/port_known.h.
  template <class Change>
  void tamper(const Engine& engine, Change change) const {
    struct {
      std::array<std::uint64_t, 1024> taken;
      std::array<std::uint32_t, 6> sample[32];
      std::uint32_t made, exhausted, freed, sampled, probe[64], barren[2], failures[2], probes, cursor;
    } known;
    const int map = engine.program().map(map_name("known_ports", who.family));
    masq_tuple6 key;
    ASSERT_EQ(bpf_map_get_next_key(map, nullptr, &key), 0);
    ASSERT_EQ(bpf_map_lookup_elem(map, &key, &known), 0);
    change(known);
    ASSERT_EQ(bpf_map_update_elem(map, &key, &known, BPF_EXIST), 0);
  }
};
MASQ_BOTH_FAMILIES(KnownPorts);

TEST_P(KnownPorts, TakenPortsAreProbedOnceWhenFreePortsAreRare) {
  const Engine engine(roomy({{2000, 2999}}));
  for (unsigned i = 0; i < 1000; ++i) open(engine, {numbered_pod(who.family, i), 40000});
  // The first guesses, and the ports that were taken before any was known. Without memory it were about 8,500.
  EXPECT_LT(engine.births(who.family).attempts, 2500u);
}

TEST_P(KnownPorts, APortOfTheNodeIsUsedOnceItsSocketIsClosed) {
  Engine engine(roomy(two));
  auto socket = node_socket(who.family, SOCK_STREAM, 2001);
  EXPECT_EQ(open(engine, {who.pod, 2000}), pass);
  EXPECT_EQ(open(engine, {who.pod2, 2000}), drop);
  socket.reset();
  engine.next_tick(who.family);  // that none was free is found out once a tick
  EXPECT_EQ(open(engine, {who.pod2, 2000}), pass);
}

// A bit that was set in an element which the LRU had just given to this endpoint.
TEST_P(KnownPorts, AWrongBitIsDiscardedAfterAMinute) {
  Engine engine(roomy(two));
  EXPECT_EQ(open(engine, {who.pod, 40000}), pass);
  EXPECT_EQ(open(engine, {who.pod2, 40001}), pass);
  EXPECT_EQ(open(engine, {who.other_pod, 40002}), drop) << "by then something is known";
  // One of the two is free again, and what is known does not say so.
  engine.egress(tcp(mappings(engine, who.family)[0].external, {who.world, 443}, syn));
  engine.pass_time(who.family, 0);
  tamper(engine, [](auto& known) { known.taken.fill(~0ull); });
  engine.next_tick(who.family);  // that none was free is found out once a tick
  EXPECT_EQ(open(engine, {who.other_pod, 40000}), drop);
  tamper(engine, [](auto& known) { known.made -= 500; });
  engine.next_tick(who.family);  // that none was free is found out once a tick
  EXPECT_EQ(open(engine, {who.other_pod, 40000}), drop) << "it is begun anew when it was of no use";
  EXPECT_EQ(open(engine, {who.other_pod, 40000}), pass);
}

// R6, R7: whatever the mode and the pod's port, the range is kept to; all of it is used, and kept ports are kept.
TEST_P(Ports, EveryPortIsInRangeInEveryMode) {
  const std::vector<std::vector<PortRange>> lists = {{{2000, 2999}}, {{1024, 1500}, {20000, 29999}, {61000, 65535}}};
  for (const auto& ranges : lists) {
    for (const bool random : {false, true}) {
      auto wanted = roomy(ranges);
      wanted.kernel.random_fully = random;
      const Engine engine(wanted);
      std::mt19937 pick(1);
      for (int i = 0; i < 25000; ++i)  // toward many endpoints, so that no port is short
        open(engine, {who.pod, static_cast<std::uint16_t>(1 + pick() % 65535)},
             static_cast<std::uint16_t>(1 + pick() % 2000));
      const auto all = mappings(engine, who.family);
      EXPECT_GT(all.size(), 24000u) << "but for those that met by chance";
      std::map<std::uint16_t, int> used;
      int kept = 0, could_be_kept = 0;
      for (const auto& m : all) {
        EXPECT_TRUE(contains(ranges, m.external.port)) << m.external.port;
        used[m.external.port]++;
        could_be_kept += contains(ranges, m.pod.port);
        kept += m.external.port == m.pod.port;
      }
      EXPECT_GT(used.size(), port_count(ranges) * (port_count(ranges) < 2000 ? 99u : 70u) / 100) << "spread over all";
      if (random)
        EXPECT_LT(kept, 100);
      else
        EXPECT_GE(kept + 50, could_be_kept);
    }
  }
}

// A pool is used evenly: of 2,000 pods, each of four addresses has a quarter, give or take.
TEST_P(Ports, APoolIsUsedEvenly) {
  auto pool = roomy({{1024, 29999}});
  auto& addresses = who.family == Family::ipv4 ? pool.uplinks[0].ipv4 : pool.uplinks[0].ipv6;
  addresses.clear();
  for (int i = 0; i < 4; ++i)
    addresses.push_back(
        address(fmt::format(fmt::runtime(who.family == Family::ipv4 ? "192.0.2.{}" : "2001:db8::{}"), 70 + i)));
  const Engine engine(pool);
  for (int i = 0; i < 2000; ++i) {
    const auto pod = numbered_pod(who.family, static_cast<unsigned>(i));
    for (const std::uint16_t port : {5000, 5001}) open(engine, {pod, port});
  }
  std::map<std::string, std::set<std::string>> pods;
  for (const auto& m : mappings(engine, who.family))
    pods[m.external.address.to_string()].insert(m.pod.address.to_string());
  ASSERT_EQ(pods.size(), 4u);
  std::size_t together = 0;
  for (const auto& [external, of_it] : pods) {
    EXPECT_GT(of_it.size(), 400u) << external;
    EXPECT_LT(of_it.size(), 600u) << external;
    together += of_it.size();
  }
  EXPECT_EQ(together, 2000u) << "each pod has one";
}

}  // namespace
}  // namespace masq::bpf::test
