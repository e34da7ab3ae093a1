// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>

#include "os/event_loop.hpp"

namespace masq::os {

// A test with a loop, which waits for conditions and never for time.
class LoopTest : public ::testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop = EventLoop::open().value();

  // Runs the loop until `condition` holds; false after five seconds.
  bool eventually(const std::function<bool()>& condition) {
    const auto end = loop->now() + std::chrono::seconds(5);
    while (!condition() && loop->now() < end)
      if (!loop->run_once(std::chrono::milliseconds(20))) return false;
    return condition();
  }
  // What has happened already is called back; nothing is waited for.
  void catch_up() {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(loop->run_once(std::chrono::seconds(0)));
  }
};

}  // namespace masq::os
