// SPDX-License-Identifier: Apache-2.0
// The class of a source port (below 512, below 1024, any other), and one external port toward all destinations.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/address.hpp"
#include "base/port_range.hpp"
#include "bpf/abi/reasons.h"
#include "engine.hpp"
#include "model/desired.hpp"
#include "packet.hpp"
#include "sockets.hpp"
#include "table.hpp"

namespace masq::bpf::test {
namespace {

// As nat-port-range: auto, with the kernel's usual ephemeral ports: 30000-32767 are NodePorts.
Desired automatic() {
  auto automatic = desired();
  automatic.kept_ports = {{.low = 1, .high = 1023}, {.low = 32768, .high = 60999}};
  automatic.max_mappings = automatic.max_mappings_per_pod = 60000;
  return automatic;
}

class PortClasses : public BothFamilies {
 protected:
  // The external port of a new connection; 0: it was refused.
  std::uint16_t port_of(const Engine& engine, const Endpoint& pod, const Endpoint& remote,
                        std::uint8_t protocol = IPPROTO_TCP) const {
    const auto out = engine.egress(protocol == IPPROTO_TCP ? tcp(pod, remote, syn) : udp(pod, remote));
    return out.verdict == pass ? source_port(out, who.family) : 0;
  }
  std::uint16_t port_of(const Engine& engine, const Endpoint& pod) const { return port_of(engine, pod, world); }
  Address pod(unsigned number) const { return numbered_pod(who.family, number); }
  std::set<std::uint16_t> ports_of_pods(const Engine& engine, unsigned first, unsigned count,
                                        std::uint16_t port) const {
    std::set<std::uint16_t> ports;
    for (unsigned i = 0; i < count; ++i) ports.insert(port_of(engine, {pod(first + i), port}));
    return ports;
  }
  // Toward 50 destinations.
  std::set<std::uint16_t> ports_toward_all(const Engine& engine, const Endpoint& from) const {
    std::set<std::uint16_t> ports;
    for (std::uint16_t remote = 1; remote <= 50; ++remote)
      ports.insert(port_of(engine, from, {who.world, remote}, IPPROTO_UDP));
    return ports;
  }

  const Endpoint world{who.world, 443};
};
MASQ_BOTH_FAMILIES(PortClasses);

bool is_in(PortRange range, std::uint16_t port) {
  return range.low <= port && port <= range.high;
}

TEST_P(PortClasses, APortIsKeptOrReplacedByOneOfItsClass) {
  const Engine engine(automatic());
  const std::map<std::uint16_t, std::vector<PortRange>> rows = {
      {1, {{1, 511}}},         {123, {{1, 511}}},        {511, {{1, 511}}},
      {512, {{512, 1023}}},    {800, {{512, 1023}}},     {1023, {{512, 1023}}},
      {1024, desired().ports}, {40000, desired().ports}, {65535, desired().ports}};
  for (const auto protocol : {IPPROTO_TCP, IPPROTO_UDP})
    for (const auto& [port, ranges] : rows) {
      const Endpoint remote{who.world, port};  // its own for each row: a replacement may be the port of another row
      EXPECT_EQ(port_of(engine, {who.pod, port}, remote, protocol), port);
      const auto second = port_of(engine, {who.pod2, port}, remote, protocol);
      EXPECT_NE(second, port);
      EXPECT_FALSE(intersect(ranges, {second, second}).empty()) << second << " instead of " << port;
    }
}

// R2
TEST_P(PortClasses, EveryPortOfAClassIsUsed) {
  Engine engine(automatic());
  const auto low = ports_of_pods(engine, 0, 511, 123);
  EXPECT_EQ(low.size(), 511u);
  EXPECT_EQ(*low.begin(), 1);
  EXPECT_EQ(*low.rbegin(), 511);
  EXPECT_EQ(port_of(engine, {pod(600), 123}), 0);
  EXPECT_EQ(engine.packets(who.family, MASQ_EGRESS, MASQ_REASON_NO_FREE_PORT), 1u);
  const auto middle = ports_of_pods(engine, 0, 512, 800);
  EXPECT_EQ(middle.size(), 512u);
  EXPECT_EQ(*middle.begin(), 512);
  EXPECT_EQ(*middle.rbegin(), 1023);
  EXPECT_EQ(port_of(engine, {pod(600), 800}), 0);
  EXPECT_EQ(port_of(engine, {pod(600), 5000}), 5000) << "the other ports are free";
  EXPECT_EQ(disorder(engine, who.family), "");
  // The node takes one, and gives it up again.
  engine.egress(tcp({who.external, 222}, world, syn));
  engine.pass_time(who.family, 0);
  EXPECT_EQ(port_of(engine, {pod(600), 123}), 222);
  EXPECT_EQ(port_of(engine, {pod(601), 123}), 0);
}

TEST_P(PortClasses, AReservedPortIsNotUsed) {
  auto wanted = automatic();
  wanted.kept_ports = {{.low = 1, .high = 9}, {.low = 20, .high = 511}};
  const Engine engine(wanted);
  const auto ports = ports_of_pods(engine, 0, 501, 15);
  EXPECT_EQ(ports.size(), 501u);
  for (const auto port : ports) EXPECT_TRUE(is_in({1, 9}, port) || is_in({20, 511}, port)) << port;
  EXPECT_EQ(port_of(engine, {pod(600), 30}), 0);
  const auto port = port_of(engine, {pod(600), 800});
  EXPECT_FALSE(intersect(wanted.ports, {port, port}).empty()) << "no port of its class may be used";
}

TEST_P(PortClasses, ARangeOfLowPortsIsUsedForAllPorts) {
  auto wanted = automatic();
  wanted.ports = {{.low = 600, .high = 603}};
  wanted.kept_ports = {{.low = 1, .high = 511}};
  Engine engine(wanted);
  EXPECT_EQ(port_of(engine, {who.pod, 100}), 100);
  std::set<std::uint16_t> ports;
  unsigned number = 0;  // each from a pod of its own, which has a share of each port
  for (const std::uint16_t port : {700, 40000, 800, 50000}) ports.insert(port_of(engine, {pod(number++), port}));
  EXPECT_EQ(ports, (std::set<std::uint16_t>{600, 601, 602, 603}));
  for (const std::uint16_t port : {701, 40001}) EXPECT_EQ(port_of(engine, {who.pod2, port}), 0);
  engine.egress(tcp({who.external, 602}, world, syn));
  engine.pass_time(who.family, 0);
  EXPECT_EQ(port_of(engine, {who.pod2, 40002}), 602);
}

TEST_P(PortClasses, RandomPortsStayInTheirClass) {
  auto wanted = automatic();
  wanted.kernel.random_fully = true;
  const Engine engine(wanted);
  const std::map<std::uint16_t, std::vector<PortRange>> rows = {
      {123, {{1, 511}}}, {800, {{512, 1023}}}, {5000, wanted.ports}, {40000, wanted.ports}};
  for (const auto& [port, ranges] : rows) {
    std::set<std::uint16_t> used;
    for (std::uint16_t remote = 1; remote <= 300; ++remote)
      used.insert(port_of(engine, {who.pod, port}, {who.world, remote}));
    EXPECT_GT(used.size(), 150u);
    for (const auto each : used) EXPECT_FALSE(intersect(ranges, {each, each}).empty()) << each << " for " << port;
  }
}

TEST_P(PortClasses, APortOfANodesServiceIsNotUsed) {
  const Engine engine(automatic());
  const auto ssh = node_socket(who.family, SOCK_STREAM, 22), dns = node_socket(who.family, SOCK_DGRAM, 53),
             own = node_socket(who.family, SOCK_DGRAM, 40000);
  const auto tcp_port = port_of(engine, {who.pod, 22});
  EXPECT_TRUE(tcp_port != 22 && is_in({1, 511}, tcp_port)) << tcp_port;
  const auto udp_port = port_of(engine, {who.pod, 53}, world, IPPROTO_UDP);
  EXPECT_TRUE(udp_port != 53 && is_in({1, 511}, udp_port)) << udp_port;
  EXPECT_NE(port_of(engine, {who.pod, 40000}, world, IPPROTO_UDP), 40000);
  EXPECT_EQ(ports_of_pods(engine, 0, 509, 23).size(), 509u) << "all but that of the service, and that in use";
  EXPECT_EQ(port_of(engine, {pod(600), 23}), 0);
  EXPECT_EQ(engine.ingress(tcp(world, {who.external, 22}, syn)).reason, "unrelated") << "for the service";
}

// RFC 4787 REQ-1, as far as mappings for each destination can: so STUN sees one endpoint.
TEST_P(PortClasses, ASocketHasOneExternalPortTowardAllDestinations) {
  const Engine engine(automatic());
  for (const std::uint16_t port : {53, 800, 5000, 40000})
    EXPECT_EQ(ports_toward_all(engine, {who.pod, port}), std::set{port});
  for (const std::uint16_t port : {8472, 31000})  // of no range
    EXPECT_EQ(ports_toward_all(engine, {who.pod, port}).size(), 1u) << port;
  for (const std::uint16_t port : {53, 800, 5000, 40000})  // taken toward all of them
    EXPECT_EQ(ports_toward_all(engine, {who.pod2, port}).size(), 1u) << port;
}

TEST_P(PortClasses, ASocketHasOneExternalPortAlsoWherePortsWereTaken) {
  auto wanted = automatic();
  wanted.ports = {{.low = 2000, .high = 2063}};
  Engine engine(wanted);
  // Bitmaps of known ports exist toward 25 of the 50 destinations, for each class. Some of the 64 ports stay free: the
  // counts of the shares may be a little too large, and then a pod without a port is refused the last one.
  for (std::uint16_t remote = 1; remote <= 25; ++remote)
    for (std::uint16_t i = 0; i < 56; ++i)
      EXPECT_NE(port_of(engine, {pod(i), 31000}, {who.world, remote}, IPPROTO_UDP), 0);
  for (const std::uint16_t port : {31000, 31001, 31002}) {
    // Only the first candidate is the same everywhere: that of another endpoint must be free.
    while (engine.control(who.family).used != 0) engine.pass_time(who.family, 100000);
    EXPECT_EQ(ports_toward_all(engine, {who.pod, port}).size(), 1u) << port;
  }
}

TEST_P(PortClasses, EndpointsSpreadOverTheRange) {
  const Engine engine(automatic());
  std::set<std::uint16_t> ports;
  for (std::uint16_t i = 0; i < 1000; ++i)
    ports.insert(port_of(engine, {pod(i), 31000}, {who.world, static_cast<std::uint16_t>(i + 1)}));
  EXPECT_GT(ports.size(), 950u) << "each had all ports to choose from";
  ports.clear();
  for (std::uint16_t port = 30000; port < 31000; ++port)
    ports.insert(port_of(engine, {who.pod, port}, {who.world, static_cast<std::uint16_t>(port - 29999)}));
  EXPECT_GT(ports.size(), 950u);
  const auto before = engine.births(who.family).attempts;
  ports_of_pods(engine, 2000, 1000, 31000);
  EXPECT_LT(engine.births(who.family).attempts - before, 2100u) << "the first one to try is nearly always free";
}

// Whoever knows a pod's endpoint cannot tell its external port: tables have keys of their own.
TEST_P(PortClasses, TheOrderDependsOnTheTablesKey) {
  const Engine first(automatic()), second(automatic());
  int equal = 0;
  for (unsigned i = 0; i < 100; ++i) equal += port_of(first, {pod(i), 31000}) == port_of(second, {pod(i), 31000});
  EXPECT_LT(equal, 5);
}

}  // namespace
}  // namespace masq::bpf::test
