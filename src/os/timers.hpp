// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace masq::os {

// A clock and alarms. EventLoop is the real implementation; tests have one that they advance.
class Timers {
 public:
  using Clock = std::chrono::steady_clock;
  using Id = std::uint64_t;  // 0: none

  virtual ~Timers() = default;
  virtual Clock::time_point now() const = 0;
  virtual Id call_after(Clock::duration delay, std::function<void()> alarm) = 0;
  virtual void cancel(Id id) = 0;
};

// One alarm; it is cancelled at the end of its scope.
class Timer {
 public:
  explicit Timer(Timers& timers) : timers_(timers) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { stop(); }

  // Replaces a pending alarm.
  void start(Timers::Clock::duration delay, std::function<void()> alarm) {
    stop();
    id_ = timers_.call_after(delay, [this, alarm = std::move(alarm)] {
      id_ = 0;
      alarm();
    });
  }
  void stop() {
    if (id_ != 0) timers_.cancel(std::exchange(id_, 0));
  }
  bool is_running() const { return id_ != 0; }

 private:
  Timers& timers_;
  Timers::Id id_ = 0;
};

}  // namespace masq::os
