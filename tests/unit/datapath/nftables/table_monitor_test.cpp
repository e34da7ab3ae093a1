// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/table_monitor.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "datapath/netfilter/nft.hpp"
#include "os/event_loop.hpp"
#include "unit/os/own_network.hpp"

namespace masq::nftables {
namespace {

TEST(GenerationCheck, AnEventOfEachGenerationIsNoLoss) {
  GenerationCheck check;
  EXPECT_FALSE(check.misses_event(7));
  EXPECT_FALSE(check.misses_event(7)) << "no change";
  EXPECT_FALSE(check.misses_event(9)) << "the event may be on its way";
  check.note_event(9);
  EXPECT_FALSE(check.misses_event(9));
  check.note_event(12);
  EXPECT_FALSE(check.misses_event(11)) << "the event was the first";
  EXPECT_FALSE(check.misses_event(12));
}

TEST(GenerationCheck, AGenerationWithoutAnEventIsALossOnce) {
  GenerationCheck check;
  EXPECT_FALSE(check.misses_event(7));
  EXPECT_FALSE(check.misses_event(8));
  EXPECT_TRUE(check.misses_event(8));
  EXPECT_FALSE(check.misses_event(8));
  check.note_event(9);
  EXPECT_FALSE(check.misses_event(9));
}

TEST(GenerationCheck, GenerationsWrapAround) {
  GenerationCheck check;
  EXPECT_FALSE(check.misses_event(UINT32_MAX));
  check.note_event(2);
  EXPECT_FALSE(check.misses_event(2));
  EXPECT_FALSE(check.misses_event(3));
  EXPECT_TRUE(check.misses_event(3));
}

// With two transactions during a run, one is another process's.
TEST(TableMonitor, TheTransactionOfItsOwnProgramIsNotReported) {
  const bool entered = os::in_own_network([] {
    auto loop = os::EventLoop::open().value();
    int changes = 0;
    auto monitor = TableMonitor::open(*loop, {"masq"}, [&] { ++changes; }).value();
    const auto add = [](const std::string& chain) {
      return netfilter::Nft::run("table inet masq { chain " + chain + " { }; }");
    };
    EXPECT_TRUE(monitor->run([&] { return add("a"); }));
    EXPECT_TRUE(monitor->run([&] { return netfilter::Nft::run("table inet other"); }));
    EXPECT_EQ(changes, 0);
    EXPECT_TRUE(monitor->run([&] { return add("b"), add("c"); }));
    EXPECT_EQ(changes, 1);
    EXPECT_FALSE(monitor->run([&] { return add("d"), Result<void>(fail("no exit within 10 s")); }));
    EXPECT_EQ(changes, 2);
    EXPECT_TRUE(add("e"));
    EXPECT_TRUE(loop->run_once(std::chrono::seconds(5)));
    EXPECT_EQ(changes, 3);
  });
  if (!entered) GTEST_SKIP() << "a network namespace needs root";
}

}  // namespace
}  // namespace masq::nftables
