// SPDX-License-Identifier: Apache-2.0
#include "agent/reconciler.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "base/address.hpp"
#include "model/config.hpp"
#include "model/node.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

Link uplink(const std::string& name, int ifindex, const char* address) {
  return {.ifindex = ifindex,
          .name = name,
          .up = true,
          .addresses = {{.address = Address::parse(address).value(), .prefix_length = 24}}};
}

Config masquerading_config() {
  Config config;
  config.ipv4_pod_cidr = cidrs("10.0.1.0/24");
  config.enable_ipv6_masquerade = false;
  config.devices = {"eth+"};
  return config;
}

class ReconcilerTest : public ::testing::Test {
 protected:
  FakeTimers timers;
  FakeFacts facts;
  FakeDatapath datapath;
  FakeLog log;
  Config config = masquerading_config();
  Reconciler reconciler{timers, facts, datapath, log.log, config};

  ReconcilerTest() { facts.node.links = {uplink("eth0", 2, "192.0.2.10")}; }

  void add_uplink() {
    const auto number = static_cast<int>(facts.node.links.size());
    facts.node.links.push_back(uplink(fmt::format("eth{}", number), 2 + number, "192.0.2.99"));
  }
  std::size_t uplinks_in_kernel() const { return datapath.kernel ? datapath.kernel->uplinks.size() : 0; }
};

TEST_F(ReconcilerTest, AppliesAtOnceWhenItStarts) {
  reconciler.start();
  EXPECT_EQ(uplinks_in_kernel(), 1u);
  EXPECT_EQ(reconciler.state().applied, datapath.kernel);
  EXPECT_EQ(reconciler.state().attempts, 1u);
}

TEST_F(ReconcilerTest, ReportsTheEndOfEachPass) {
  int passes = 0;
  reconciler.on_pass([&] { ++passes; });
  datapath.refusal = "no memory";
  reconciler.start();
  EXPECT_EQ(passes, 1);
  datapath.refusal.clear();
  timers.pass(milliseconds(500));
  EXPECT_EQ(passes, 2);
  reconciler.request_reconcile();
  timers.pass(milliseconds(50));
  EXPECT_EQ(passes, 3);
}

TEST_F(ReconcilerTest, AppliesNothingBeforeEverySourceHasDelivered) {
  facts.missing = "netlink";
  reconciler.start();
  reconciler.request_reconcile();
  timers.pass(seconds(60));
  EXPECT_EQ(datapath.applied, 0);
  EXPECT_THAT(reconciler.state().decide_error, HasSubstr("netlink"));
  facts.missing.clear();
  reconciler.request_reconcile();
  timers.pass(milliseconds(50));
  EXPECT_EQ(datapath.applied, 1);
  EXPECT_EQ(reconciler.state().decide_error, "");
}

TEST_F(ReconcilerTest, AnAddressOfThePoolThatIsGoneIsNotUsed) {
  config.masquerade_address = {"192.0.2.10"_ip};
  reconciler.configure(config);
  reconciler.start();
  ASSERT_EQ(datapath.kernel->uplinks.at(0).ipv4, std::vector{"192.0.2.10"_ip});
  facts.node.links[0].addresses.clear();
  reconciler.request_reconcile();
  timers.pass(milliseconds(50));
  EXPECT_THAT(reconciler.state().applied->findings, Contains(Field(&Finding::text, HasSubstr("192.0.2.10"))));
  EXPECT_TRUE(datapath.kernel->uplinks.at(0).ipv4.empty());
  EXPECT_EQ(datapath.kernel->unavailable, std::vector{"192.0.2.10"_ip});
}

TEST_F(ReconcilerTest, SaysWhenAnAddressIsGoneForGood) {
  reconciler.start();
  facts.node.links[0].addresses.clear();
  reconciler.request_reconcile();
  timers.pass(seconds(30));
  EXPECT_EQ(datapath.kernel->unavailable, std::vector{"192.0.2.10"_ip});
  timers.pass(seconds(1));
  EXPECT_EQ(datapath.kernel->lost, std::vector{"192.0.2.10"_ip});
}

TEST_F(ReconcilerTest, GoesOnWithAnApplyThatHasMoreToDo) {
  datapath.more = milliseconds(100);
  reconciler.start();
  EXPECT_EQ(datapath.applied, 1);
  timers.pass(milliseconds(100));
  EXPECT_EQ(datapath.applied, 2);
  datapath.more.reset();
  timers.pass(milliseconds(100));
  EXPECT_EQ(datapath.applied, 3);
  timers.pass(seconds(5));
  EXPECT_EQ(datapath.applied, 3);
}

TEST_F(ReconcilerTest, AnExceptionIsAFailedApplyThatIsRepeated) {
  datapath.exception = "std::bad_alloc";
  reconciler.start();
  EXPECT_EQ(reconciler.state().error, "internal error: std::bad_alloc");
  EXPECT_EQ(log.take(), "error: apply: internal error: std::bad_alloc\n");
  datapath.exception.clear();
  timers.pass(milliseconds(500));
  EXPECT_EQ(uplinks_in_kernel(), 1u);
  EXPECT_EQ(reconciler.state().error, "");
}

TEST_F(ReconcilerTest, WaitsForTheEndOfAStorm) {
  reconciler.start();
  for (int i = 0; i < 4; ++i) {
    add_uplink();
    reconciler.request_reconcile();
    timers.pass(milliseconds(40));
  }
  EXPECT_EQ(datapath.applied, 1);
  timers.pass(milliseconds(10));
  EXPECT_EQ(datapath.applied, 2);
  EXPECT_EQ(uplinks_in_kernel(), 5u);
}

TEST_F(ReconcilerTest, AStormWithoutEndIsNotWaitedFor) {
  reconciler.start();
  for (int i = 0; i < 100; ++i) {
    add_uplink();
    reconciler.request_reconcile();
    timers.pass(milliseconds(10));
  }
  EXPECT_GE(datapath.applied, 4);
  EXPECT_LE(datapath.applied, 6);
}

TEST_F(ReconcilerTest, EventsThatChangeNothingApplyNothing) {
  reconciler.start();
  for (int i = 0; i < 10; ++i) {
    reconciler.request_reconcile();
    timers.pass(seconds(1));
  }
  EXPECT_EQ(datapath.applied, 1);
  EXPECT_EQ(facts.gathered, 11);
}

TEST_F(ReconcilerTest, TheResyncRepairsWhatOthersBreakAndSaysSo) {
  reconciler.start();
  log.take();
  datapath.remove();
  timers.pass(seconds(30));
  EXPECT_EQ(uplinks_in_kernel(), 1u);
  EXPECT_EQ(log.take(), "warning: repaired changes of another process: make the kernel equal\n");
  timers.pass(seconds(60));
  EXPECT_EQ(datapath.applied, 4);
  EXPECT_EQ(log.take(), "");
}

TEST_F(ReconcilerTest, TheResyncFindsChangesOfWhichNobodyTold) {
  reconciler.start();
  add_uplink();
  timers.pass(seconds(30));
  EXPECT_EQ(uplinks_in_kernel(), 2u);
  EXPECT_EQ(facts.woken, 2);
}

TEST_F(ReconcilerTest, AFailureIsSaidOnceAndRetriedMoreAndMoreSeldom) {
  datapath.refusal = "eth0: no such device";
  reconciler.start();
  EXPECT_EQ(reconciler.state().error, "eth0: no such device");
  EXPECT_EQ(reconciler.state().applied, std::nullopt);
  for (const int expected : {2, 3, 4}) {  // after 0.5, 1 and 2 seconds
    timers.pass(milliseconds(500 << (expected - 2)));
    EXPECT_EQ(datapath.applied, expected);
  }
  EXPECT_EQ(log.take(), "error: apply: eth0: no such device\n");
  timers.pass(std::chrono::hours(1));
  EXPECT_LT(datapath.applied, 300);
  EXPECT_EQ(log.take(), "");
}

TEST_F(ReconcilerTest, ARetryThatWorksEndsTheError) {
  datapath.refusal = "busy";
  reconciler.start();
  datapath.refusal.clear();
  timers.pass(milliseconds(500));
  EXPECT_EQ(reconciler.state().error, "");
  EXPECT_EQ(uplinks_in_kernel(), 1u);
  EXPECT_THAT(log.take(), HasSubstr("apply: recovered"));
  timers.pass(seconds(20));
  EXPECT_EQ(datapath.applied, 2);
}

TEST_F(ReconcilerTest, AnEventDuringTheBackOffIsNotHeldUp) {
  datapath.refusal = "busy";
  reconciler.start();
  timers.pass(seconds(20));
  datapath.refusal.clear();
  reconciler.request_reconcile();
  timers.pass(milliseconds(50));
  EXPECT_EQ(uplinks_in_kernel(), 1u);
}

TEST_F(ReconcilerTest, AContradictionDoesNotStopTheRest) {
  reconciler.start();
  log.take();
  config.masquerade_address = {"198.51.100.1"_ip};
  config.ipv4_native_routing_cidr = cidrs("10.0.0.0/8");
  reconciler.configure(config);
  timers.pass(milliseconds(50));
  EXPECT_EQ(uplinks_in_kernel(), 1u);
  EXPECT_EQ(join(datapath.kernel->ipv4.shown_exclusions), "10.0.0.0/8");
  timers.pass(seconds(90));
  const auto said = log.take();
  EXPECT_NE(said.find("198.51.100.1"), said.npos);
  EXPECT_EQ(said.find("198.51.100.1"), said.rfind("198.51.100.1")) << said;
}

TEST_F(ReconcilerTest, ANewConfigurationIsApplied) {
  reconciler.start();
  config.ipv4_native_routing_cidr = cidrs("10.0.0.0/8");
  reconciler.configure(config);
  timers.pass(milliseconds(50));
  EXPECT_EQ(datapath.kernel->ipv4.shown_exclusions, cidrs("10.0.0.0/8"));
}

TEST_F(ReconcilerTest, NotesAreSaidWhenTheyAreNew) {
  config.devices = {"eth+", "wan0"};
  reconciler.configure(config);
  timers.pass(milliseconds(50));
  EXPECT_THAT(log.take(), HasSubstr("error: devices: wan0: no such device\n"));
  add_uplink();
  reconciler.request_reconcile();
  timers.pass(milliseconds(50));
  EXPECT_EQ(uplinks_in_kernel(), 2u);
  EXPECT_THAT(log.take(), Not(HasSubstr("wan0")));
}

TEST_F(ReconcilerTest, RepairsAtOnceWhatIsSaidToBeBroken) {
  reconciler.request_repair();
  timers.pass(milliseconds(1));
  EXPECT_EQ(datapath.applied, 0) << "before the start nothing is in force";
  reconciler.start();
  datapath.kernel.reset();
  reconciler.request_repair();
  timers.pass(milliseconds(1));
  EXPECT_EQ(uplinks_in_kernel(), 1u);
}

TEST_F(ReconcilerTest, RepairsNoFasterThanItsPaceAgainstSomebodyWhoFightsBack) {
  reconciler.start();
  datapath.applied = 0;
  for (int i = 0; i < 1000; ++i) {
    datapath.kernel.reset();
    reconciler.request_repair();
    timers.pass(milliseconds(1));
  }
  EXPECT_LE(datapath.applied, 21);
  EXPECT_GE(datapath.applied, 19);
}

}  // namespace
}  // namespace masq::agent
