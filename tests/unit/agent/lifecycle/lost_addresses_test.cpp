// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/lost_addresses.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "model/desired.hpp"
#include "model/node.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LostAddressesTest : public ::testing::Test {
 protected:
  LostAddresses lost_addresses;
  LostAddresses::Clock::time_point now{std::chrono::hours(1)};
  Node node;
  Desired desired;

  // The node's addresses from now on; the first is the external address.
  void the_node_has(std::vector<Address> addresses) {
    node.links = {{.ifindex = 2, .name = "eth0"}};
    for (const auto& address : addresses) node.links[0].addresses.push_back({.address = address});
    desired.uplinks = {{.ifindex = 2, .name = "eth0"}};
    if (!addresses.empty()) desired.uplinks[0].ipv4 = {addresses.front()};
    complete();
  }
  void complete() { lost_addresses.complete(desired, node, now); }
  void after(LostAddresses::Clock::duration time) {
    now += time;
    complete();
  }
};

TEST_F(LostAddressesTest, AnExistingAddressIsNeitherUnavailableNorLost) {
  the_node_has({"192.0.2.10"_ip});
  EXPECT_THAT(desired.unavailable, IsEmpty());
  EXPECT_THAT(desired.lost, IsEmpty());
  EXPECT_EQ(lost_addresses.next_change(), std::nullopt);
}

TEST_F(LostAddressesTest, AMissingAddressIsUnavailableForHalfAMinute) {
  the_node_has({"192.0.2.10"_ip});
  the_node_has({});
  EXPECT_THAT(desired.unavailable, ElementsAre("192.0.2.10"_ip));
  EXPECT_EQ(lost_addresses.next_change(), now + seconds(30));
  after(seconds(29));
  EXPECT_THAT(desired.unavailable, ElementsAre("192.0.2.10"_ip));
  the_node_has({"192.0.2.10"_ip});
  EXPECT_THAT(desired.unavailable, IsEmpty());
  EXPECT_EQ(lost_addresses.next_change(), std::nullopt);
}

TEST_F(LostAddressesTest, ThenItIsLostAndFinallyForgotten) {
  the_node_has({"192.0.2.10"_ip});
  the_node_has({});
  after(seconds(30));
  EXPECT_THAT(desired.unavailable, IsEmpty());
  EXPECT_THAT(desired.lost, ElementsAre("192.0.2.10"_ip));
  EXPECT_EQ(lost_addresses.next_change(), now + seconds(60));
  after(seconds(60));
  EXPECT_THAT(desired.lost, IsEmpty());
  EXPECT_EQ(lost_addresses.next_change(), std::nullopt);
}

TEST_F(LostAddressesTest, ANewAddressReplacesItAtOnce) {
  the_node_has({"192.0.2.10"_ip});
  now += seconds(100);
  the_node_has({"192.0.2.11"_ip});
  EXPECT_THAT(desired.unavailable, ElementsAre("192.0.2.10"_ip));
  EXPECT_EQ(lost_addresses.next_change(), now + milliseconds(300));
  after(milliseconds(300));
  EXPECT_THAT(desired.lost, ElementsAre("192.0.2.10"_ip));
}

TEST_F(LostAddressesTest, AnAddressThatCameShortlyBeforeOrLaterReplacesItToo) {
  the_node_has({"192.0.2.10"_ip});
  the_node_has({"192.0.2.10"_ip, "192.0.2.11"_ip});
  now += seconds(5);
  the_node_has({"192.0.2.11"_ip});
  after(milliseconds(300));
  EXPECT_THAT(desired.lost, ElementsAre("192.0.2.10"_ip));
  now += seconds(100);
  the_node_has({});
  after(seconds(10));
  EXPECT_THAT(desired.unavailable, ElementsAre("192.0.2.11"_ip));
  the_node_has({"192.0.2.12"_ip});
  EXPECT_THAT(desired.lost, ElementsAre("192.0.2.11"_ip));
}

TEST_F(LostAddressesTest, AnOldAddressIsNoReplacement) {
  the_node_has({"192.0.2.10"_ip, "192.0.2.11"_ip});
  now += seconds(100);
  the_node_has({"192.0.2.11"_ip});
  after(seconds(5));
  EXPECT_THAT(desired.unavailable, ElementsAre("192.0.2.10"_ip));
}

TEST_F(LostAddressesTest, AnAddressOfTheOtherFamilyIsNoReplacement) {
  the_node_has({"192.0.2.10"_ip});
  the_node_has({});
  node.links[0].addresses.push_back({.address = "2001:db8::1"_ip});
  desired.uplinks[0].ipv6 = {"2001:db8::1"_ip};
  after(seconds(5));
  EXPECT_THAT(desired.unavailable, ElementsAre("192.0.2.10"_ip));
}

TEST_F(LostAddressesTest, ATentativeAddressIsMissing) {
  the_node_has({"192.0.2.10"_ip});
  node.links[0].addresses[0].tentative = true;
  complete();
  EXPECT_THAT(desired.unavailable, ElementsAre("192.0.2.10"_ip));
}

TEST_F(LostAddressesTest, AddressesOfAnEarlierProcessAreUnavailableToo) {
  lost_addresses.remember({"192.0.2.9"_ip, "192.0.2.10"_ip});
  the_node_has({"192.0.2.10"_ip});
  EXPECT_THAT(desired.unavailable, ElementsAre("192.0.2.9"_ip));
  after(seconds(30));
  EXPECT_THAT(desired.lost, ElementsAre("192.0.2.9"_ip));
}

TEST_F(LostAddressesTest, MissingAddressesAreRemovedFromAnOlderDecision) {
  the_node_has({"192.0.2.10"_ip});
  node.links[0].addresses.clear();
  complete();
  EXPECT_THAT(desired.uplinks[0].ipv4, IsEmpty());
}

}  // namespace
}  // namespace masq::agent
