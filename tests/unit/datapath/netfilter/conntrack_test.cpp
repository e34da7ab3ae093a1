// SPDX-License-Identifier: Apache-2.0
// Entries of the kernel's conntrack, in a network namespace of the test.
#include "datapath/netfilter/conntrack.hpp"

#include <gmock/gmock.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/event.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/connections.hpp"
#include "datapath/netfilter/conntrack_events.hpp"
#include "datapath/netfilter/conntrack_message.hpp"
#include "unit/os/own_network.hpp"
#include "unit/words.hpp"

namespace masq::netfilter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

void expect_in_own_network(const std::function<void()>& body) {
  if (!os::in_own_network(body)) GTEST_SKIP() << "a network namespace needs root";
}

struct Row {
  const char* name;
  Mapping mapping;
};

std::vector<Row> rows() {
  const auto pod4 = "10.0.1.2"_ip, remote4 = "198.51.100.1"_ip, node4 = "192.0.2.9"_ip;
  const auto pod6 = "fd00::2"_ip, remote6 = "2001:db8::1"_ip, node6 = "2001:db8:1::9"_ip;
  return {
      {"tcp",
       {.protocol = IPPROTO_TCP,
        .pod = pod4,
        .pod_port = 40000,
        .remote = remote4,
        .remote_port = 443,
        .external = node4,
        .external_port = 2000}},
      {"udp6",
       {.protocol = IPPROTO_UDP,
        .pod = pod6,
        .pod_port = 40000,
        .remote = remote6,
        .remote_port = 53,
        .external = node6,
        .external_port = 2001}},
      {"icmp",
       {.protocol = IPPROTO_ICMP,
        .pod = pod4,
        .pod_port = 77,
        .remote = remote4,
        .remote_port = 77,
        .external = node4,
        .external_port = 78}},
      {"icmp6",
       {.protocol = IPPROTO_ICMPV6,
        .pod = pod6,
        .pod_port = 77,
        .remote = remote6,
        .remote_port = 77,
        .external = node6,
        .external_port = 78}},
  };
}

const std::vector<AddressRange> tracked_pods = {AddressRange::of("10.0.0.0/16"_cidr),
                                                AddressRange::of("fd00::/64"_cidr)};

std::vector<Mapping> translated() {
  std::vector<Mapping> found;
  const auto done = visit_translated(tracked_pods, [&](const Mapping& mapping) { found.push_back(mapping); });
  EXPECT_TRUE(done) << done.error().message;
  return found;
}

TEST(Conntrack, TakesOverAMappingAndForgetsIt) {
  for (const auto& row : rows()) {
    SCOPED_TRACE(row.name);
    expect_in_own_network([&] {
      ASSERT_EQ(take_over_connections({row.mapping}), Result<void>());
      const auto found = translated();
      ASSERT_THAT(found, SizeIs(1));
      EXPECT_EQ(found[0].protocol, row.mapping.protocol);
      EXPECT_EQ(found[0].pod, row.mapping.pod);
      EXPECT_EQ(found[0].pod_port, row.mapping.pod_port);
      EXPECT_EQ(found[0].remote, row.mapping.remote);
      EXPECT_EQ(found[0].remote_port, row.mapping.remote_port);
      EXPECT_EQ(found[0].external, row.mapping.external);
      EXPECT_EQ(found[0].external_port, row.mapping.external_port);
      EXPECT_EQ(found[0].state, "established");
      ASSERT_EQ(forget_connections({row.mapping}), Result<void>());
      EXPECT_THAT(translated(), IsEmpty());
      EXPECT_EQ(forget_connections({row.mapping}), Result<void>()) << "there is none";
    });
  }
}

TEST(Conntrack, AnEntryIsReadWithItsStateAndTime) {
  expect_in_own_network([] {
    ASSERT_TRUE(take_over_connections({rows()[0].mapping}));
    std::vector<Connection> found;
    ASSERT_TRUE(visit_connections([&](const Connection& one) { found.push_back(one); }));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].tcp_state, TCP_CONNTRACK_ESTABLISHED);
    EXPECT_EQ(found[0].status & (IPS_SRC_NAT | IPS_ASSURED | IPS_SEEN_REPLY),
              IPS_SRC_NAT | IPS_ASSURED | IPS_SEEN_REPLY);
    EXPECT_GT(found[0].seconds_left, 110u);
    EXPECT_LE(found[0].seconds_left, 120u);
    EXPECT_NE(found[0].id, 0u);
  });
}

TEST(Conntrack, OnlyTheEntryWithItsIdIsDeleted) {
  expect_in_own_network([] {
    ASSERT_TRUE(take_over_connections({rows()[0].mapping}));
    auto conntrack = Conntrack::open().value();
    Connection one;
    ASSERT_TRUE(conntrack.visit([&](const Connection& found) { one = found; }));
    auto other = one;
    ++other.id;
    EXPECT_EQ(conntrack.erase(other), false);
    EXPECT_EQ(conntrack.erase(one), true);
    EXPECT_EQ(conntrack.erase(one), false);
  });
}

TEST(Conntrack, AnExistingEntryStays) {
  expect_in_own_network([] {
    auto conntrack = Conntrack::open().value();
    const auto mapping = rows()[0].mapping;
    const Connection wanted{.protocol = mapping.protocol,
                            .source = mapping.pod,
                            .destination = mapping.remote,
                            .source_port = mapping.pod_port,
                            .destination_port = mapping.remote_port,
                            .reply_destination = mapping.external,
                            .reply_destination_port = mapping.external_port,
                            .seconds_left = 60};
    EXPECT_EQ(conntrack.create(wanted), true);
    EXPECT_EQ(conntrack.create(wanted), false);
  });
}

TEST(Conntrack, ItsEventsAreThoseOfPods) {
  expect_in_own_network([] {
    auto events = open_conntrack_events([] { return Result<std::vector<AddressRange>>(tracked_pods); });
    ASSERT_TRUE(events) << events.error().message;
    auto foreign = rows()[0].mapping;
    foreign.pod = "172.16.0.1"_ip;
    foreign.external_port = 3000;
    ASSERT_TRUE(take_over_connections({rows()[0].mapping, foreign, rows()[1].mapping}));
    ASSERT_TRUE(forget_connections({rows()[0].mapping}));
    std::vector<std::string> found;
    // The kernel sends some of them a moment later.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (found.size() < 3 && std::chrono::steady_clock::now() < end)
      (*events)->take([&](const Event& event) { found.push_back(event.type + " " + event.pod.to_string()); });
    EXPECT_THAT(found, ElementsAre("created 10.0.1.2", "created fd00::2", "ended 10.0.1.2"));
  });
}

}  // namespace
}  // namespace masq::netfilter
