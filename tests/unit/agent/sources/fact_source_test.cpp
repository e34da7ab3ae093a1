// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/fact_source.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "base/result.hpp"
#include "unit/agent/fakes.hpp"

namespace masq::agent {
namespace {

using std::chrono::seconds;

// A fact that a watch over a network pushes.
class PushedSource : public ::testing::Test {
 protected:
  FakeTimers timers;
  int changes = 0;
  FactSource<std::string> source{"nodes", Need::required, timers, [this] { ++changes; }, "initial"};

  Source::Clock::duration age() const { return source.state().age(timers.now()).value(); }
};

TEST_F(PushedSource, HasItsInitialValueBeforeTheFirst) {
  EXPECT_EQ(source.value(), "initial");
  EXPECT_FALSE(source.has_delivered());
  EXPECT_FALSE(source.state().age(timers.now()));
}

TEST_F(PushedSource, APushedValueIsInForceAndRequestsAReconcile) {
  source.push("first");
  EXPECT_EQ(source.value(), "first");
  EXPECT_TRUE(source.has_delivered());
  EXPECT_EQ(changes, 1);
}

TEST_F(PushedSource, AFailureKeepsTheLastValueAndItsAge) {
  source.push("first");
  timers.pass(seconds(3));
  source.fail({"connection refused"});
  EXPECT_EQ(source.value(), "first");
  EXPECT_EQ(age(), seconds(3));
  EXPECT_EQ(source.state().error, "connection refused");
  EXPECT_EQ(changes, 2);
  source.push("second");
  EXPECT_EQ(source.state().error, "");
  EXPECT_EQ(age(), seconds(0));
}

TEST_F(PushedSource, WakingListsNothing) {
  source.push("first");
  timers.pass(seconds(3));
  source.wake();
  source.read();
  EXPECT_EQ(source.value(), "first");
  EXPECT_EQ(age(), seconds(3));
  EXPECT_EQ(changes, 1);
}

TEST(FactSource, ARequiredOneIsAwaitedUntilItsFirstValue) {
  FakeTimers timers;
  FactSource<int> source("nodes", Need::required, timers);
  EXPECT_TRUE(source.is_awaited());
  source.fail({"connection refused"});
  EXPECT_TRUE(source.is_awaited());
  source.push(1);
  source.fail({"connection refused"});
  EXPECT_FALSE(source.is_awaited());
}

TEST(FactSource, AnAwaitedOneIsAwaitedUntilAValueOrAFailure) {
  FakeTimers timers;
  FactSource<int> answers("nodes", Need::awaited, timers), fails("nodes", Need::awaited, timers);
  EXPECT_TRUE(answers.is_awaited());
  answers.push(1);
  fails.fail({"connection refused"});
  EXPECT_FALSE(answers.is_awaited());
  EXPECT_FALSE(fails.is_awaited());
}

TEST(FactSource, AnOptionalOneIsNeverAwaitedAndAbsentAfterAFailure) {
  FakeTimers timers;
  FactSource<int> source("nodes", Need::optional, timers);
  EXPECT_FALSE(source.is_awaited());
  EXPECT_FALSE(source.has_delivered());
  source.fail({"connection refused"});
  EXPECT_FALSE(source.is_awaited());
  EXPECT_TRUE(source.has_delivered());
  EXPECT_EQ(source.value(), 0);
}

// A fact that is read on request.
class FakeListed final : public ListedSource<int> {
 public:
  FakeListed(os::Timers& timers, Changed changed) : ListedSource("table", Need::required, timers, std::move(changed)) {}
  using ListedSource::invalidate;

  Result<int> table = 1;
  int lists = 0;

 private:
  Result<int> list() override {
    ++lists;
    return table;
  }
};

class ListedSourceTest : public ::testing::Test {
 protected:
  FakeTimers timers;
  int changes = 0;
  FakeListed source{timers, [this] { ++changes; }};

  void read(int times) {
    for (int i = 0; i < times; ++i) source.read();
  }
};

TEST_F(ListedSourceTest, IsListedOncePerRequest) {
  read(3);
  EXPECT_EQ(source.lists, 1);
  source.wake();
  read(3);
  EXPECT_EQ(source.lists, 2);
  EXPECT_EQ(changes, 0) << "a read is no event";
}

TEST_F(ListedSourceTest, AnEventListsAgainAndRequestsAReconcile) {
  read(1);
  source.table = 2;
  source.invalidate();
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(source.value(), 1);
  read(1);
  EXPECT_EQ(source.value(), 2);
}

TEST_F(ListedSourceTest, AFailureKeepsTheLastValueAndIsRepeated) {
  read(1);
  source.table = fail("no socket");
  source.wake();
  read(2);
  EXPECT_EQ(source.lists, 3);
  EXPECT_EQ(source.value(), 1);
  EXPECT_EQ(source.state().error, "no socket");
  source.table = 2;
  read(2);
  EXPECT_EQ(source.lists, 4);
  EXPECT_EQ(source.value(), 2);
  EXPECT_EQ(source.state().error, "");
}

}  // namespace
}  // namespace masq::agent
