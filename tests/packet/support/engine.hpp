// SPDX-License-Identifier: Apache-2.0
// The shipped programs, loaded with a configuration of the test's and run on single packets.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/port_range.hpp"
#include "datapath/bpf/policy_rules.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/datapath.hpp"
#include "packet.hpp"
#include "program_pool.hpp"

namespace masq::bpf::test {

constexpr int pass = -1;  // TC_ACT_UNSPEC
constexpr int drop = 2;   // TC_ACT_SHOT

struct Outcome {
  int verdict = 0;
  std::string reason;  // the word of the counter that went up
  Bytes bytes;
  std::chrono::nanoseconds duration{0};  // of the run, as the kernel measured it
};

// What goes beside a packet into a run.
struct RunContext {
  std::uint32_t gso_size = 0;
  bool checksum_complete = false;  // the kernel checks that the engine keeps skb->csum right (6.18)
  std::uint32_t arrived_by = 0;    // the device; 0: the node sent the packet
};

// The people of the tests, in one family.
struct Cast {
  Family family;
  Address pod, pod2, world, excluded, native, node, own, other_pod, external, multicast, broadcast;
};
Cast cast(Family family);
// One of 60,000 more pods.
Address numbered_pod(Family family, unsigned number);

// A desired state with the cast's pods as the source set, `external` as the uplink's address, and rules for each
// destination of the cast.
Desired desired();

// The same with these port ranges, and a table of this size, which one pod may fill as far as its share allows.
Desired with_ports(std::vector<PortRange> ports, std::uint32_t mappings);

// The source port of the packet that came out.
std::uint16_t source_port(const Outcome& outcome, Family family);

class Engine {
 public:
  explicit Engine(const Desired& desired);

  Outcome egress(const Packet& packet, const RunContext& context = {}) const {
    return run(program_->egress(), packet.from.address.family(), packet.frame(), context);
  }
  Outcome ingress(const Packet& packet, const RunContext& context = {}) const {
    return run(program_->ingress(), packet.from.address.family(), packet.frame(), context);
  }
  Outcome egress_bytes(const Bytes& frame, Family family, const RunContext& context = {}) const {
    return run(program_->egress(), family, frame, context);
  }
  Outcome ingress_bytes(const Bytes& frame, Family family, const RunContext& context = {}) const {
    return run(program_->ingress(), family, frame, context);
  }

  const Program& program() const { return *program_; }
  // As user space does, to every connection that there is.
  void give_order(Family family, masq_order order) const;
  // Another policy for the same program and table, as after a change of the configuration.
  void change_policy(const Desired& desired);
  // Mappings (and connections left alone) alive.
  masq_control control(Family family) const;
  // Packets that left the engine for this reason.
  std::uint64_t packets(Family family, masq_direction direction, masq_reason reason) const;
  // What the searches for ports came to, on all CPUs.
  masq_births births(Family family) const;
  // Lets `seconds` go by for every mapping, and sweeps twice: what is over ends, and its slot is free.
  void pass_time(Family family, std::uint32_t seconds);
  // Waits for the next tick of the clock.
  void next_tick(Family family);

 private:
  Outcome run(int program, Family family, Bytes frame, const RunContext& context) const;
  std::vector<std::uint64_t> read_counters(Family family) const;
  std::optional<std::string> counted(Family family) const;  // the reason that went up since the last call
  BorrowedProgram program_;
  PolicyRules<Abi4> ipv4_rules_;
  PolicyRules<Abi6> ipv6_rules_;
  mutable std::vector<std::uint64_t> last_counters_[2];
};

// Runs for IPv4 and for IPv6.
class BothFamilies : public testing::TestWithParam<Family> {
 protected:
  Cast who = cast(GetParam());
};

#define MASQ_BOTH_FAMILIES(suite)                                                                    \
  INSTANTIATE_TEST_SUITE_P(Families, suite, testing::Values(masq::Family::ipv4, masq::Family::ipv6), \
                           [](const auto& row) { return row.param == masq::Family::ipv4 ? "IPv4" : "IPv6"; })

#define EXPECT_BYTES(expected, actual) EXPECT_EQ(masq::bpf::test::hex(expected), masq::bpf::test::hex((actual).bytes))
#define EXPECT_PACKET(expected, actual) \
  EXPECT_EQ(masq::bpf::test::hex((expected).frame()), masq::bpf::test::hex((actual).bytes))

}  // namespace masq::bpf::test
