// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "os/netlink.hpp"

namespace masq::agent {

// A next hop of a next-hop object (ip-nexthop(8)).
struct NextHop {
  int ifindex = 0;
  std::optional<Address> gateway;
  bool operator==(const NextHop&) const = default;
};
// The next hops of each object, by its id; those of a group are its members'. Blackholes have none.
using NextHops = std::unordered_map<std::uint32_t, std::vector<NextHop>>;

// A routing rule that selects a table (ip-rule(8)).
struct RoutingRule {
  std::uint32_t priority = 0;
  std::uint32_t table = 0;     // 0: the tables of the VRFs
  std::uint32_t mark = 0;      // 0: the rule asks for none
  std::optional<Cidr> source;  // absent: all
};

// In the order in which the kernel asks them.
Result<std::vector<RoutingRule>> read_rules(os::NetlinkRequests& requests, Family family);

Result<NextHops> read_next_hops(os::NetlinkRequests& requests);

// Returns the unicast routes of every table that a routing rule can select, in the order in which the rules select the
// tables; of VRFs the tables of `links`.
Result<std::vector<Route>> read_routes(os::NetlinkRequests& requests, const std::vector<Link>& links);

// Appends one message of a dump.
void append_routes(const nlmsghdr& message, const NextHops& objects, std::vector<Route>& routes);

}  // namespace masq::agent
