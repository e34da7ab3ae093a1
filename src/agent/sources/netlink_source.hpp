// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "agent/sources/fact_source.hpp"
#include "os/event_loop.hpp"
#include "os/netlink.hpp"
#include "os/netlink_monitor.hpp"

namespace masq::agent {

struct NetworkFact {
  std::vector<Link> links;
  std::vector<Route> routes;
};

// Links, addresses and routes of this network namespace.
class NetlinkSource final : public ListedSource<NetworkFact> {
 public:
  // The subscription precedes the first read, so that no event is missed.
  static Result<std::unique_ptr<NetlinkSource>> open(os::EventLoop& loop, Changed changed);

  void contribute(Node& node) const override;

 private:
  NetlinkSource(os::Timers& timers, os::NetlinkRequests requests, Changed changed)
      : ListedSource("netlink", Need::required, timers, std::move(changed)), requests_(std::move(requests)) {}
  Result<NetworkFact> list() override;

  os::NetlinkRequests requests_;
  std::unique_ptr<os::NetlinkMonitor> monitor_;
};

}  // namespace masq::agent
