// SPDX-License-Identifier: Apache-2.0
// Two CPUs at once. Hard cases R3, R4, R5, R16, R26, R27.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "base/address.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "engine.hpp"
#include "model/desired.hpp"
#include "packet.hpp"
#include "table.hpp"

namespace masq::bpf::test {
namespace {

class Races : public BothFamilies {
 protected:
  static Desired roomy(std::uint32_t mappings) {
    auto roomy = desired();
    roomy.max_mappings = roomy.max_mappings_per_pod = mappings;
    return roomy;
  }
  std::uint64_t packets(const Engine& engine, masq_reason reason) const {
    return engine.packets(who.family, MASQ_EGRESS, reason);
  }
};
MASQ_BOTH_FAMILIES(Races);

// Two threads that do step after step, each step at the same moment.
void in_lockstep(int steps, const std::function<void(int thread, int step)>& act) {
  std::atomic<int> at[2] = {-1, -1};
  const auto run = [&](int thread) {
    for (int step = 0; step < steps; ++step) {
      at[thread] = step;
      for (int turn = 0; at[1 - thread] < step; ++turn)
        if (turn > 5000) std::this_thread::yield();  // the other one has no CPU
      act(thread, step);
    }
    at[thread] = steps;
  };
  std::thread first(run, 0), second(run, 1);
  first.join();
  second.join();
}

// R4: A and AAAA, the two first datagrams of one socket.
TEST_P(Races, TheFirstTwoDatagramsOfAFlowCreateOneMapping) {
  const int pairs = 20000;
  Engine engine(roomy(2 * pairs));  // for a moment, some flows have two
  in_lockstep(pairs, [&](int, int step) {
    run_frame(engine.program().egress(), udp({numbered_pod(who.family, static_cast<unsigned>(step) % 100),
                                              static_cast<std::uint16_t>(2000 + step)},
                                             {who.world, 53})
                                             .frame());
  });
  EXPECT_EQ(packets(engine, MASQ_REASON_TRANSLATED), 2u * pairs) << "nothing is lost";
  engine.pass_time(who.family, 0);  // what the losers of races had begun is taken apart by the sweep
  EXPECT_EQ(mappings(engine, who.family).size(), static_cast<std::size_t>(pairs));
  EXPECT_EQ(disorder(engine, who.family), "");
}

// R3, R5: two pods with one source port, to one destination.
TEST_P(Races, TwoPodsWithOneSourcePortGetTwoPorts) {
  const int pairs = 6000;
  auto narrow = roomy(40000);
  narrow.ports = {{2000, 2000 + 3 * pairs}};  // they just fit: of two pods, each has a third at most
  Engine engine(narrow);
  in_lockstep(pairs, [&](int thread, int step) {
    run_frame(engine.program().egress(),
              tcp({thread == 0 ? who.pod : who.pod2, static_cast<std::uint16_t>(2000 + step)}, {who.world, 443}, syn)
                  .frame());
  });
  EXPECT_EQ(packets(engine, MASQ_REASON_TRANSLATED), 2u * pairs);
  EXPECT_EQ(mappings(engine, who.family).size(), 2u * pairs);
  EXPECT_EQ(disorder(engine, who.family), "");
}

// The number of the forward index' bucket in which a TCP connection is at home, as bpf/nat/hash.h computes it.
template <class Tuple, class Options>
std::uint32_t home_of(const Endpoint& from, const Endpoint& to, const Options& options) {
  Tuple tuple{};
  std::memcpy(tuple.src.bytes, from.address.bytes().data(), sizeof tuple.src);
  std::memcpy(tuple.dst.bytes, to.address.bytes().data(), sizeof tuple.dst);
  tuple.sport = htons(from.port);
  tuple.dport = htons(to.port);
  tuple.protocol = IPPROTO_TCP;
  std::uint64_t sum = options.hash_key[0];
  for (std::size_t i = 0; i < sizeof tuple / 8; ++i) {
    std::uint32_t half[2];
    std::memcpy(half, reinterpret_cast<const char*>(&tuple) + 8 * i, sizeof half);
    sum += (options.hash_key[2 * i + 1] + half[0]) * (options.hash_key[2 * i + 2] + half[1]);
  }
  return static_cast<std::uint32_t>((sum ^ sum >> 32) * 0x9e3779b97f4a7c15ull >> 32) & options.forward_mask;
}

// R26, R27: two CPUs open and reset the connections of one bucket, while the sweep takes some apart. Not one packet is
// refused, forward and reply entries stay together, and in the end nothing is left.
TEST_P(Races, ChurnInOneBucketLosesNothing) {
  Engine engine(roomy(2000));
  const Endpoint world{who.world, 443};
  const auto home = [&](std::uint16_t port) {
    const auto& o = engine.program().options();
    return who.family == Family::ipv4 ? home_of<masq_tuple4>({who.pod, port}, world, o.ipv4)
                                      : home_of<masq_tuple6>({who.pod, port}, world, o.ipv6);
  };
  std::vector<std::uint16_t> ports;
  for (std::uint16_t port = 2000; port < 29999 && ports.size() < 30; ++port)
    if (home(port) == home(2000)) ports.push_back(port);
  ASSERT_EQ(ports.size(), 30u);
  for (int round = 0; round < 60; ++round) {
    in_lockstep(300, [&](int, int step) {
      std::mt19937 pick(static_cast<unsigned>(round * 1000 + step));  // both do the same, at the same time
      const Endpoint pod{who.pod, ports[pick() % ports.size()]}, external{who.external, pod.port};
      run_frame(engine.program().egress(), tcp(pod, world, syn).frame());
      run_frame(engine.program().ingress(), tcp(world, external, pick() % 2 ? syn | ack : rst | ack).frame());
    });
    engine.pass_time(who.family, 0);
    ASSERT_EQ(disorder(engine, who.family), "") << round;
    if (round % 3 == 2) engine.pass_time(who.family, 241);
  }
  EXPECT_EQ(packets(engine, MASQ_REASON_TRANSLATED), 60u * 600) << "each packet of the pod";
  engine.pass_time(who.family, 7441);
  EXPECT_EQ(engine.control(who.family).used, 0u);
  EXPECT_EQ(disorder(engine, who.family), "");
}

// The same at large: tens of thousands come and go on two CPUs. On a slow machine fewer: datagrams' mappings live 30 s,
// and none may expire while others are made.
TEST_P(Races, AfterChurnEverythingExpires) {
  Engine engine(roomy(20000));
  for (int round = 0; round < 3; ++round) {
    const auto churn = [&](const Address& pod, unsigned seed) {
      std::mt19937 pick(seed);
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      for (int i = 0; i < 20000 && std::chrono::steady_clock::now() < end; ++i) {
        const Endpoint from{pod, static_cast<std::uint16_t>(1024 + pick() % 28000)};
        const Endpoint to{who.world, static_cast<std::uint16_t>(440 + pick() % 4)};
        run_frame(engine.program().egress(), (pick() % 2 ? udp(from, to) : tcp(from, to, syn)).frame());
      }
    };
    std::thread one(churn, who.pod, 2 * round), other(churn, round % 2 ? who.pod : who.pod2, 2 * round + 1);
    one.join();
    other.join();
    engine.pass_time(who.family, 0);
    ASSERT_EQ(disorder(engine, who.family), "");
    EXPECT_GT(engine.control(who.family).used, 1000u);
    engine.pass_time(who.family, 31);
    ASSERT_EQ(engine.control(who.family).used, 0u);
    ASSERT_EQ(disorder(engine, who.family), "");
  }
}

}  // namespace
}  // namespace masq::bpf::test
