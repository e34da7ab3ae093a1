// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/netlink_source.hpp"

#include <linux/rtnetlink.h>

#include <memory>
#include <utility>

#include "agent/sources/routing_tables.hpp"
#include "agent/sources/rtnetlink.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "os/event_loop.hpp"
#include "os/netlink.hpp"
#include "os/netlink_monitor.hpp"

namespace masq::agent {
namespace {

constexpr unsigned bit(rtnetlink_groups group) {
  return 1U << (group - 1);
}
constexpr unsigned groups = bit(RTNLGRP_LINK) | bit(RTNLGRP_IPV4_IFADDR) | bit(RTNLGRP_IPV6_IFADDR) |
                            bit(RTNLGRP_IPV4_ROUTE) | bit(RTNLGRP_IPV6_ROUTE) | bit(RTNLGRP_IPV4_RULE) |
                            bit(RTNLGRP_IPV6_RULE) | bit(RTNLGRP_NEXTHOP) | bit(RTNLGRP_IPV4_NETCONF) |
                            bit(RTNLGRP_IPV6_NETCONF);

}  // namespace

Result<std::unique_ptr<NetlinkSource>> NetlinkSource::open(os::EventLoop& loop, Changed changed) {
  TRY(auto requests, os::NetlinkRequests::open());
  std::unique_ptr<NetlinkSource> source(new NetlinkSource(loop, std::move(requests), std::move(changed)));
  TRY(source->monitor_, os::NetlinkMonitor::open(loop, groups, [raw = source.get()] { raw->invalidate(); }));
  return source;
}

Result<NetworkFact> NetlinkSource::list() {
  TRY(auto links, read_links(requests_));
  TRY(auto routes, read_routes(requests_, links));
  return NetworkFact{.links = std::move(links), .routes = std::move(routes)};
}

void NetlinkSource::contribute(Node& node) const {
  node.links = value().links;
  node.routes = value().routes;
}

}  // namespace masq::agent
