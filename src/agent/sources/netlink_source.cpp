// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/netlink_source.hpp"

#include <linux/rtnetlink.h>

#include <expected>
#include <functional>
#include <memory>
#include <utility>

#include "agent/sources/rtnetlink.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "os/event_loop.hpp"
#include "os/netlink.hpp"
#include "os/netlink_monitor.hpp"

namespace masq {
namespace {

constexpr unsigned groups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;

}  // namespace

Result<std::unique_ptr<NetlinkSource>> NetlinkSource::open(EventLoop& loop, std::function<void()> changed) {
  auto requests = NetlinkRequests::open();
  if (!requests) return std::unexpected(requests.error());
  std::unique_ptr<NetlinkSource> source(new NetlinkSource(loop, std::move(*requests)));
  auto monitor = NetlinkMonitor::open(loop, groups, [raw = source.get(), changed = std::move(changed)] {
    raw->wake();
    changed();
  });
  if (!monitor) return std::unexpected(monitor.error());
  source->monitor_ = std::move(*monitor);
  return source;
}

void NetlinkSource::read() {
  if (!stale_) return;
  auto links = read_links(requests_);
  if (!links) return failed(links.error());
  auto routes = read_routes(requests_);
  if (!routes) return failed(routes.error());
  links_ = std::move(*links);
  routes_ = std::move(*routes);
  stale_ = false;
  delivered(timers_.now());
}

void NetlinkSource::contribute(Node& node) const {
  node.links = links_;
  node.routes = routes_;
}

}  // namespace masq
