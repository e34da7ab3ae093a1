// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/netlink.h>

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq {

// The messages of rtnetlink groups, for events that leave no trace to be read afterwards: what is gone. For all others
// there is NetlinkMonitor. When the reader is too slow the kernel drops messages.
class NetlinkEvents {
 public:
  struct Reader {
    std::function<void(const nlmsghdr&)> message;
    std::function<void()> pause;  // after the messages that there were
  };
  // `groups`: RTMGRP_*.
  static Result<std::unique_ptr<NetlinkEvents>> open(EventLoop& loop, unsigned groups, Reader reader);

 private:
  NetlinkEvents(Fd fd, Reader reader) : fd_(std::move(fd)), reader_(std::move(reader)) {}
  void drain();

  Fd fd_;
  Reader reader_;
  EventLoop::Watch watch_;
};

}  // namespace masq
