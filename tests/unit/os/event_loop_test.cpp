// SPDX-License-Identifier: Apache-2.0
#include "os/event_loop.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "os/fd.hpp"
#include "os/timers.hpp"
#include "unit/os/loop_test.hpp"

namespace masq::os {
namespace {

using std::chrono::milliseconds;
using ::testing::IsSupersetOf;

class EventLoopTest : public LoopTest {};

Fd ready_descriptor() {
  return Fd(eventfd(1, EFD_CLOEXEC));
}

TEST_F(EventLoopTest, AlarmsRingInTheirOrder) {
  std::vector<int> rung;
  loop->call_after(milliseconds(20), [&] { rung.push_back(2); });
  loop->call_after(milliseconds(1), [&] { rung.push_back(1); });
  const auto cancelled = loop->call_after(milliseconds(5), [&] { rung.push_back(9); });
  loop->cancel(cancelled);
  EXPECT_TRUE(eventually([&] { return rung.size() == 2; }));
  EXPECT_EQ(rung, (std::vector{1, 2}));
}

TEST_F(EventLoopTest, AnAlarmMaySetItselfAgain) {
  Timer timer(*loop);
  int rung = 0;
  std::function<void()> again = [&] {
    if (++rung < 3) timer.start(milliseconds(1), again);
  };
  timer.start(milliseconds(1), again);
  EXPECT_TRUE(eventually([&] { return rung == 3; }));
  EXPECT_FALSE(timer.is_running());
}

TEST_F(EventLoopTest, ATimerThatIsGoneDoesNotRing) {
  bool rung = false;
  {
    Timer(*loop).start(milliseconds(0), [&] { rung = true; });
  }
  catch_up();
  EXPECT_FALSE(rung);
}

TEST_F(EventLoopTest, ContinuesAfterAnException) {
  std::vector<std::string> caught;
  loop->on_exception([&](const std::string& what) {
    caught.push_back(what);
    throw std::bad_alloc();  // no memory to report it
  });
  const auto descriptor = ready_descriptor();
  const auto watch =
      loop->watch(descriptor.get(), EPOLLIN, [](std::uint32_t) { throw std::runtime_error("descriptor"); }).value();
  bool rung = false;
  loop->call_after(milliseconds(1), [] { throw std::bad_alloc(); });
  loop->call_after(milliseconds(2), [&] { rung = true; });
  EXPECT_TRUE(eventually([&] { return rung; }));
  EXPECT_THAT(caught, IsSupersetOf({"descriptor", "std::bad_alloc"}));
}

TEST_F(EventLoopTest, WithoutAHandlerAnExceptionReachesTheCaller) {
  loop->call_after(milliseconds(0), [] { throw std::runtime_error("alarm"); });
  EXPECT_THROW(catch_up(), std::runtime_error);
}

TEST_F(EventLoopTest, AWatchMayEndItselfAndOthers) {
  const auto a = ready_descriptor(), b = ready_descriptor();
  std::vector<EventLoop::Watch> watches;
  int called = 0;
  for (const auto* fd : {&a, &b})
    watches.push_back(loop->watch(fd->get(), EPOLLIN,
                                  [&](std::uint32_t) {
                                    ++called;
                                    watches.clear();
                                  })
                          .value());
  catch_up();
  EXPECT_EQ(called, 1);
}

TEST_F(EventLoopTest, AWatchFollowsItsChange) {
  const auto fd = ready_descriptor();
  int called = 0;
  auto watch = loop->watch(fd.get(), 0, [&](std::uint32_t) { ++called; }).value();
  catch_up();
  EXPECT_EQ(called, 0);
  ASSERT_TRUE(watch.change(EPOLLIN));
  EXPECT_TRUE(eventually([&] { return called > 0; }));
}

TEST_F(EventLoopTest, WatchingWhatIsNoDescriptorIsAnError) {
  EXPECT_FALSE(loop->watch(-1, EPOLLIN, [](auto) {}));
}

TEST_F(EventLoopTest, SignalsArriveInTheLoop) {
  std::vector<int> arrived;
  ASSERT_TRUE(loop->on_signals({SIGUSR1, SIGUSR2}, [&](int signal) {
    arrived.push_back(signal);
    loop->stop();
  }));
  raise(SIGUSR2);
  ASSERT_TRUE(loop->run());
  EXPECT_EQ(arrived, std::vector{SIGUSR2});
}

}  // namespace
}  // namespace masq::os
