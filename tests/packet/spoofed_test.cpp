// SPDX-License-Identifier: Apache-2.0
// Who may open a mapping, with the kernel's own routes and neighbours: a bridge with pods, and two pods with a device
// of their own (decisions 0014, 0020). R91.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "engine.hpp"
#include "model/desired.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

constexpr std::array<std::uint8_t, 6> pods_mac = {2, 0, 0, 0, 0, 1}, other_mac = {2, 0, 0, 0, 0, 2};

void sh(const std::string& command) {
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

std::uint32_t index_of(const char* device) {
  return if_nametoindex(device);
}

class Spoofed : public BothFamilies {
 protected:
  void SetUp() override {
    cpu_set_t first;  // the record of an arrival is one CPU's
    sched_getaffinity(0, sizeof cpus_, &cpus_);
    CPU_ZERO(&first);
    for (int cpu = 0; CPU_COUNT(&first) == 0; ++cpu)
      if (CPU_ISSET(cpu, &cpus_)) CPU_SET(cpu, &first);
    sched_setaffinity(0, sizeof first, &first);
    sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    sh("ip link add pods0 type bridge && ip link set pods0 up");
    sh("for device in port0 lxc1 lxc2; do"
       " ip link add $device type veth peer name peer-$device && ip link set $device up && ip link set peer-$device up;"
       " done");
    sh("ip link set port0 master pods0");
  }
  void TearDown() override {
    sh("for device in pods0 port0 lxc1 lxc2; do ip link del $device; done");
    sh("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0");
    ip("route flush table main proto static");
    sched_setaffinity(0, sizeof cpus_, &cpus_);
  }
  void ip(const std::string& words) const { sh((who.family == Family::ipv4 ? "ip -4 " : "ip -6 ") + words); }
  void route(const Address& pod, const std::string& where) const {
    ip("route replace " + where.substr(0, where.find(' ')) + " " + pod.to_string() +
       where.substr(std::min(where.size(), where.find(' '))) + " proto static");
  }
  void pods_are_on_the_bridge() const { route(who.pod, "unicast dev pods0"); }
  void neighbour_is(const char* mac) const {
    ip("neigh replace " + who.pod.to_string() + " lladdr " + mac + " dev pods0");
  }
  Desired verified() const {
    auto wanted = desired();
    wanted.pod_devices.single = {{.ifindex = static_cast<int>(index_of("lxc1")), .name = "lxc1", .has_route = true},
                                 {.ifindex = static_cast<int>(index_of("lxc2")), .name = "lxc2", .has_route = true}};
    return wanted;
  }
  Desired unverified() const {
    auto wanted = verified();
    wanted.kernel.verify_source = false;
    return wanted;
  }

  // The program of a bridge on a frame from this sender.
  void arrives(const Engine& engine, const Packet& packet, const std::array<std::uint8_t, 6>& mac) const {
    auto frame = packet.frame();
    std::ranges::copy(mac, frame.begin() + 6);
    __sk_buff skb{};
    skb.ifindex = index_of("pods0");
    bpf_test_run_opts run{};
    run.sz = sizeof run;
    run.data_in = frame.data();
    run.data_size_in = static_cast<std::uint32_t>(frame.size());
    run.ctx_in = &skb;
    run.ctx_size_in = sizeof skb;
    ASSERT_EQ(bpf_prog_test_run_opts(engine.program().bridge(), &run), 0);
    EXPECT_EQ(static_cast<int>(run.retval), pass);
  }
  std::string leaves(const Engine& engine, const Packet& packet, const char* arrived_by) const {
    return engine.egress(packet, {.arrived_by = index_of(arrived_by)}).reason;
  }
  std::string sent(const Engine& engine, const Packet& packet, const std::array<std::uint8_t, 6>& mac) const {
    arrives(engine, packet, mac);
    return leaves(engine, packet, "pods0");
  }

  const Endpoint world{who.world, 443};
  std::uint16_t next_ = 5000;
  Packet first() { return udp({who.pod, next_++}, world); }  // of another connection each time

 private:
  cpu_set_t cpus_{};
};
MASQ_BOTH_FAMILIES(Spoofed);

TEST_P(Spoofed, OnABridgeOnlyTheNeighboursMacOpensAMapping) {
  const Engine engine(verified());
  pods_are_on_the_bridge();
  neighbour_is("02:00:00:00:00:01");
  EXPECT_EQ(sent(engine, first(), other_mac), "spoofed_source");
  EXPECT_EQ(engine.control(who.family).used, 0u);
  EXPECT_EQ(sent(engine, first(), pods_mac), "translated");
  EXPECT_EQ(sent(engine, first(), other_mac), "spoofed_source") << "a good answer is of its MAC only";
  EXPECT_EQ(engine.control(who.family).used, 1u);
}

TEST_P(Spoofed, AMissingNeighbourIsNoFault) {
  const Engine engine(verified());
  pods_are_on_the_bridge();
  EXPECT_EQ(sent(engine, first(), other_mac), "translated");
  ip("neigh add " + who.pod.to_string() + " nud failed dev pods0");
  EXPECT_EQ(sent(engine, first(), other_mac), "translated");
}

TEST_P(Spoofed, TheAnswerFollowsTheNeighbourAtOnce) {
  const Engine engine(verified());
  pods_are_on_the_bridge();
  neighbour_is("02:00:00:00:00:01");
  EXPECT_EQ(sent(engine, first(), pods_mac), "translated");
  neighbour_is("02:00:00:00:00:02");
  EXPECT_EQ(sent(engine, first(), pods_mac), "spoofed_source");
  EXPECT_EQ(sent(engine, first(), other_mac), "translated");
}

TEST_P(Spoofed, AnEstablishedConnectionIsNotCompared) {
  const Engine engine(verified());
  pods_are_on_the_bridge();
  neighbour_is("02:00:00:00:00:01");
  const auto packet = first();
  EXPECT_EQ(sent(engine, packet, pods_mac), "translated");
  EXPECT_EQ(sent(engine, packet, other_mac), "translated");
}

// A packet that waits on its way is not compared with the record of another one.
TEST_P(Spoofed, ARecordIsOfOnePacketOfOneSourceOnOneBridge) {
  const Engine engine(verified());
  pods_are_on_the_bridge();
  route(who.pod2, "unicast dev pods0");
  neighbour_is("02:00:00:00:00:01");
  EXPECT_EQ(sent(engine, first(), other_mac), "spoofed_source");
  EXPECT_EQ(leaves(engine, first(), "pods0"), "translated") << "the record is used";
  arrives(engine, udp({who.pod2, 1}, world), other_mac);
  EXPECT_EQ(leaves(engine, first(), "pods0"), "translated") << "the record is of another source";
  arrives(engine, first(), other_mac);
  EXPECT_EQ(leaves(engine, first(), "lxc1"), "translated") << "another device: no MAC is compared";
}

TEST_P(Spoofed, AnotherPodsAddressOpensNoMapping) {
  const Engine engine(verified());
  route(who.pod, "unicast dev lxc1");
  route(who.pod2, "unicast dev lxc2");
  EXPECT_EQ(leaves(engine, first(), "lxc2"), "spoofed_source");
  EXPECT_EQ(engine.control(who.family).used, 0u);
  EXPECT_EQ(leaves(engine, first(), "lxc1"), "translated");
  route(who.pod, "unicast dev lxc2");
  EXPECT_EQ(leaves(engine, first(), "lxc1"), "spoofed_source") << "the pod has moved";
  EXPECT_EQ(leaves(engine, first(), "lxc2"), "translated");
}

TEST_P(Spoofed, TheLengthOfAPacketHidesNoForger) {
  const Engine engine(verified());
  sh("ip link set lxc1 mtu 1300");
  route(who.pod, "unicast dev lxc1");
  ip("neigh replace " + who.pod.to_string() + " lladdr 02:00:00:00:00:01 dev lxc1");  // else its length is not asked
  auto large = first();
  large.payload = std::string(1350, 'x');
  EXPECT_EQ(leaves(engine, large, "lxc2"), "spoofed_source");
  EXPECT_EQ(leaves(engine, large, "lxc1"), "translated");
}

// The rest of a node's block of addresses is a blackhole (Calico).
TEST_P(Spoofed, APodWithARouteHasNoAddressThatRoutesRefuse) {
  const Engine engine(verified());
  for (const auto* type : {"blackhole", "unreachable", "prohibit"}) {
    route(who.pod, type);
    EXPECT_EQ(leaves(engine, first(), "lxc1"), "spoofed_source") << type;
    EXPECT_EQ(leaves(engine, first(), "pods0"), "translated") << type << ": a device of several pods";
    ip("route delete " + std::string(type) + " " + who.pod.to_string());
  }
  EXPECT_EQ(leaves(engine, first(), "lxc1"), "translated") << "no route at all";
}

TEST_P(Spoofed, WithoutVerificationEveryPodMayUseEveryAddress) {
  const Engine engine(unverified());
  pods_are_on_the_bridge();
  neighbour_is("02:00:00:00:00:01");
  EXPECT_EQ(sent(engine, first(), other_mac), "translated");
  route(who.pod, "unicast dev lxc1");
  EXPECT_EQ(leaves(engine, first(), "lxc2"), "translated");
  EXPECT_EQ(engine.egress(first(), {.arrived_by = 1}).reason, "translated") << "by the uplink";
}

}  // namespace
}  // namespace masq::bpf::test
