// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq {

// Tells that links, addresses or routes (IPv4, IPv6) of this network namespace changed. It does not tell what: the
// one who is called reads everything again, and so a message that the kernel had to drop cannot matter.
class NetlinkMonitor {
 public:
  static Result<std::unique_ptr<NetlinkMonitor>> open(EventLoop& loop, std::function<void()> changed);

 private:
  NetlinkMonitor(Fd fd, std::function<void()> changed) : fd_(std::move(fd)), changed_(std::move(changed)) {}
  void drain();

  Fd fd_;
  std::function<void()> changed_;
  EventLoop::Watch watch_;
};

}  // namespace masq
