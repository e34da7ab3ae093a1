// SPDX-License-Identifier: Apache-2.0
#include "agent/departures.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "model/desired.hpp"
#include "model/node.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DeparturesTest : public ::testing::Test {
 protected:
  Departures departures;
  Departures::Clock::time_point now{std::chrono::hours(1)};
  Node node;
  Desired desired;

  // The node's addresses from now on; the first is the one that packets leave under.
  void the_node_has(std::vector<Address> addresses) {
    node.links = {{.ifindex = 2, .name = "eth0"}};
    for (const auto& address : addresses) node.links[0].addresses.push_back({.address = address});
    desired.uplinks = {{.ifindex = 2, .name = "eth0"}};
    if (!addresses.empty()) desired.uplinks[0].ipv4 = {addresses.front()};
    look();
  }
  void look() { departures.complete(desired, node, now); }
  void after(Departures::Clock::duration time) {
    now += time;
    look();
  }
};

TEST_F(DeparturesTest, AnAddressThatIsThereIsNoMatter) {
  the_node_has({"192.0.2.10"_ip});
  EXPECT_THAT(desired.away, IsEmpty());
  EXPECT_THAT(desired.departed, IsEmpty());
  EXPECT_EQ(departures.next_change(), std::nullopt);
}

TEST_F(DeparturesTest, AnAddressThatIsGoneIsAwaitedForHalfAMinute) {
  the_node_has({"192.0.2.10"_ip});
  the_node_has({});
  EXPECT_THAT(desired.away, ElementsAre("192.0.2.10"_ip));
  EXPECT_EQ(departures.next_change(), now + seconds(30));
  after(seconds(29));
  EXPECT_THAT(desired.away, ElementsAre("192.0.2.10"_ip));
  the_node_has({"192.0.2.10"_ip});
  EXPECT_THAT(desired.away, IsEmpty());
  EXPECT_EQ(departures.next_change(), std::nullopt);
}

TEST_F(DeparturesTest, ThenItIsGoneForGoodAndInTheEndForgotten) {
  the_node_has({"192.0.2.10"_ip});
  the_node_has({});
  after(seconds(30));
  EXPECT_THAT(desired.away, IsEmpty());
  EXPECT_THAT(desired.departed, ElementsAre("192.0.2.10"_ip));
  EXPECT_EQ(departures.next_change(), now + seconds(60));
  after(seconds(60));
  EXPECT_THAT(desired.departed, IsEmpty());
  EXPECT_EQ(departures.next_change(), std::nullopt);
}

TEST_F(DeparturesTest, ANewAddressTakesItsPlaceAtOnce) {
  the_node_has({"192.0.2.10"_ip});
  now += seconds(100);
  the_node_has({"192.0.2.11"_ip});
  EXPECT_THAT(desired.away, ElementsAre("192.0.2.10"_ip));
  EXPECT_EQ(departures.next_change(), now + milliseconds(300));
  after(milliseconds(300));
  EXPECT_THAT(desired.departed, ElementsAre("192.0.2.10"_ip));
}

TEST_F(DeparturesTest, AlsoWhenItCameShortlyBeforeOrLater) {
  the_node_has({"192.0.2.10"_ip});
  the_node_has({"192.0.2.10"_ip, "192.0.2.11"_ip});
  now += seconds(5);
  the_node_has({"192.0.2.11"_ip});
  after(milliseconds(300));
  EXPECT_THAT(desired.departed, ElementsAre("192.0.2.10"_ip));
  now += seconds(100);
  the_node_has({});
  after(seconds(10));
  EXPECT_THAT(desired.away, ElementsAre("192.0.2.11"_ip));
  the_node_has({"192.0.2.12"_ip});
  EXPECT_THAT(desired.departed, ElementsAre("192.0.2.11"_ip));
}

TEST_F(DeparturesTest, AnAddressOfLongStandingTakesNobodysPlace) {
  the_node_has({"192.0.2.10"_ip, "192.0.2.11"_ip});
  now += seconds(100);
  the_node_has({"192.0.2.11"_ip});
  after(seconds(5));
  EXPECT_THAT(desired.away, ElementsAre("192.0.2.10"_ip));
}

TEST_F(DeparturesTest, AnAddressOfTheOtherFamilyTakesNobodysPlace) {
  the_node_has({"192.0.2.10"_ip});
  the_node_has({});
  node.links[0].addresses.push_back({.address = "2001:db8::1"_ip});
  desired.uplinks[0].ipv6 = {"2001:db8::1"_ip};
  after(seconds(5));
  EXPECT_THAT(desired.away, ElementsAre("192.0.2.10"_ip));
}

TEST_F(DeparturesTest, AnAddressThatIsExaminedForDuplicatesIsNotThere) {
  the_node_has({"192.0.2.10"_ip});
  node.links[0].addresses[0].tentative = true;
  look();
  EXPECT_THAT(desired.away, ElementsAre("192.0.2.10"_ip));
}

TEST_F(DeparturesTest, WhatWasUsedBeforeIsAwaitedToo) {
  departures.remember({"192.0.2.9"_ip, "192.0.2.10"_ip});
  the_node_has({"192.0.2.10"_ip});
  EXPECT_THAT(desired.away, ElementsAre("192.0.2.9"_ip));
  after(seconds(30));
  EXPECT_THAT(desired.departed, ElementsAre("192.0.2.9"_ip));
}

TEST_F(DeparturesTest, AnOlderDecisionLosesTheAddressesThatAreGone) {
  the_node_has({"192.0.2.10"_ip});
  node.links[0].addresses.clear();
  look();
  EXPECT_THAT(desired.uplinks[0].ipv4, IsEmpty());
}

}  // namespace
}  // namespace masq
