// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/netlink.h>

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq::os {

// Delivers the messages of rtnetlink groups, for events that cannot be read afterwards: deletions. All other users need
// NetlinkMonitor. The kernel drops messages if the reader is too slow.
class NetlinkEvents {
 public:
  struct Reader {
    std::function<void(const nlmsghdr&)> message;
    std::function<void()> pause;  // after the last available message
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

}  // namespace masq::os
