// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "agent/sources/source.hpp"
#include "os/event_loop.hpp"
#include "os/netlink.hpp"
#include "os/netlink_monitor.hpp"

namespace masq {

// Links, addresses and routes of this network namespace.
class NetlinkSource final : public Source {
 public:
  // `changed` is called after an event. The subscription precedes the first read, so that no event is missed.
  static Result<std::unique_ptr<NetlinkSource>> open(EventLoop& loop, std::function<void()> changed);

  void wake() override { stale_ = true; }
  void read() override;
  void contribute(Node& node) const override;

 private:
  NetlinkSource(Timers& timers, NetlinkRequests requests)
      : Source("netlink"), timers_(timers), requests_(std::move(requests)) {}

  Timers& timers_;
  NetlinkRequests requests_;
  std::unique_ptr<NetlinkMonitor> monitor_;
  bool stale_ = true;
  std::vector<Link> links_;
  std::vector<Route> routes_;
};

}  // namespace masq
