// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq::os {

// Reports that an object of a netlink group changed in this network namespace. It does not report the object: the
// caller reads everything again, so that lost messages do no harm.
class NetlinkMonitor {
 public:
  // `groups`: RTMGRP_*.
  static Result<std::unique_ptr<NetlinkMonitor>> open(EventLoop& loop, unsigned groups, std::function<void()> changed);
  // Of the rules, sets and other objects of nftables.
  static Result<std::unique_ptr<NetlinkMonitor>> open_nftables(EventLoop& loop, std::function<void()> changed);

 private:
  NetlinkMonitor(Fd fd, std::function<void()> changed) : fd_(std::move(fd)), changed_(std::move(changed)) {}
  static Result<std::unique_ptr<NetlinkMonitor>> watch(EventLoop& loop, Fd fd, std::function<void()> changed);
  void drain();

  Fd fd_;
  std::function<void()> changed_;
  EventLoop::Watch watch_;
};

}  // namespace masq::os
