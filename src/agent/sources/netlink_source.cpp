// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/netlink_source.hpp"

#include <linux/rtnetlink.h>

#include <memory>
#include <utility>

#include "agent/sources/rtnetlink.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "os/event_loop.hpp"
#include "os/netlink.hpp"
#include "os/netlink_monitor.hpp"

namespace masq::agent {
namespace {

constexpr unsigned sysctls_of_devices = 1U << (RTNLGRP_IPV4_NETCONF - 1);
constexpr unsigned groups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | sysctls_of_devices;

}  // namespace

Result<std::unique_ptr<NetlinkSource>> NetlinkSource::open(os::EventLoop& loop, Changed changed) {
  TRY(auto requests, os::NetlinkRequests::open());
  std::unique_ptr<NetlinkSource> source(new NetlinkSource(loop, std::move(requests), std::move(changed)));
  TRY(source->monitor_, os::NetlinkMonitor::open(loop, groups, [raw = source.get()] { raw->invalidate(); }));
  return source;
}

Result<NetworkFact> NetlinkSource::list() {
  TRY(auto links, read_links(requests_));
  TRY(auto routes, read_routes(requests_));
  return NetworkFact{.links = std::move(links), .routes = std::move(routes)};
}

void NetlinkSource::contribute(Node& node) const {
  node.links = value().links;
  node.routes = value().routes;
}

}  // namespace masq::agent
