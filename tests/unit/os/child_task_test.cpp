// SPDX-License-Identifier: Apache-2.0
#include "os/child_task.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "unit/os/loop_test.hpp"

namespace masq::os {
namespace {

class ChildTaskTest : public LoopTest {
 protected:
  std::unique_ptr<ChildTask> start(const std::function<std::string()>& work,
                                   std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    return ChildTask::start(*loop, work, limit,
                            [this](Result<std::string> result, std::chrono::microseconds used) {
                              end = std::move(result);
                              cpu = used;
                            })
        .value();
  }
  std::optional<Result<std::string>> end;
  std::chrono::microseconds cpu{};
};

TEST_F(ChildTaskTest, TheResultOfAnySizeArrives) {
  const auto task = start([] { return std::string(1'000'000, 'x'); });
  ASSERT_TRUE(eventually([this] { return end.has_value(); }));
  EXPECT_EQ(end->value(), std::string(1'000'000, 'x'));
}

TEST_F(ChildTaskTest, AnEndWithoutAResultIsAnError) {
  const auto task = start([]() -> std::string { _exit(3); });
  ASSERT_TRUE(eventually([this] { return end.has_value(); }));
  EXPECT_TRUE(end->error().message.starts_with("the process ended")) << end->error().message;
}

TEST_F(ChildTaskTest, AnExceptionEndsTheProcessOnly) {
  const auto task = start([]() -> std::string { throw std::runtime_error("not for the loop of the parent"); });
  ASSERT_TRUE(eventually([this] { return end.has_value(); }));
  EXPECT_TRUE(end->error().message.starts_with("the process ended")) << end->error().message;
}

TEST_F(ChildTaskTest, WorkThatTakesTooLongIsEnded) {
  const auto task = start(
      []() -> std::string {
        for (;;) pause();
      },
      std::chrono::milliseconds(50));
  ASSERT_TRUE(eventually([this] { return end.has_value(); }));
  EXPECT_EQ(end->error().message, "no result within 50 ms");
}

TEST_F(ChildTaskTest, TheProcessHasNoDescriptorOfThisOne) {
  const Fd open_here(open("/dev/null", O_RDONLY));
  const auto task = start([fd = open_here.get()] { return std::string(fcntl(fd, F_GETFD) < 0 ? "closed" : "open"); });
  ASSERT_TRUE(eventually([this] { return end.has_value(); }));
  EXPECT_TRUE(open_here.get() > 3) << "the result has the number 3";
  EXPECT_EQ(end->value(), "closed");
}

TEST_F(ChildTaskTest, TheCpuTimeIsThatOfTheProcessAndOfItsPrograms) {
  const auto task = start([] {
    [[maybe_unused]] const int status = std::system("i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done");
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return std::string();
  });
  ASSERT_TRUE(eventually([this] { return end.has_value(); }));
  EXPECT_GT(cpu, std::chrono::milliseconds(1));
  EXPECT_LT(cpu, std::chrono::milliseconds(500)) << "it slept that long";
}

TEST_F(ChildTaskTest, TheDestructorEndsTheWork) {
  auto task = start([]() -> std::string {
    for (;;) pause();
  });
  task.reset();
  catch_up();
  EXPECT_FALSE(end);
}

}  // namespace
}  // namespace masq::os
