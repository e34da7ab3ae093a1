// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq::os {

// Work that may block or take long, in a forked process. The process has no descriptor of this one, a low priority, and
// ends with this one. For a program with one thread.
class ChildTask {
 public:
  // The result, and the CPU time of the process and of the programs that it ran.
  using Done = std::function<void(Result<std::string> result, std::chrono::microseconds cpu)>;

  // Calls `done` in the loop with the result of `work`, or with an error if the process ended without one or exceeded
  // the limit. The destructor ends the process, and then `done` is not called.
  static Result<std::unique_ptr<ChildTask>> start(EventLoop& loop, const std::function<std::string()>& work,
                                                  std::chrono::milliseconds limit, Done done);
  ~ChildTask();

 private:
  ChildTask(EventLoop& loop, pid_t pid, Fd output, Done done)
      : pid_(pid), output_(std::move(output)), done_(std::move(done)), deadline_(loop) {}
  void read_some();
  int wait();
  void kill_and_wait();
  void finish(Result<std::string> result);

  pid_t pid_;  // 0: it has ended
  Fd output_;
  Done done_;
  Timer deadline_;
  EventLoop::Watch watch_;
  std::string text_;
  std::chrono::microseconds cpu_{};
};

}  // namespace masq::os
