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

// A next-hop object as its message has it: one next hop, or a group of objects.
struct NextHopObject {
  std::uint32_t id = 0;
  NextHop hop;                       // of a single one
  std::vector<std::uint32_t> group;  // ids
};

// A routing rule that selects a table (ip-rule(8)).
struct RoutingRule {
  std::uint32_t priority = 0;
  std::uint32_t table = 0;     // 0: the tables of the VRFs
  std::uint32_t mark = 0;      // 0: the rule asks for none
  std::optional<Cidr> source;  // absent: all
  int suppressed = -1;         // routes of at most this prefix length do not count; -1: all count
  bool selective = false;      // it selects some packets only: by their source, destination, device, mark, …
};

// Appends one message of a dump. Rules that do not select a table are left out.
void append_rule(const nlmsghdr& message, std::vector<RoutingRule>& rules);

// In the order in which the kernel asks them.
Result<std::vector<RoutingRule>> read_rules(os::NetlinkRequests& requests, Family family);

// A table as one rule selects it.
struct TableSelection {
  std::uint32_t table = 0;
  int suppressed = -1;  // as in RoutingRule
};

// In the order of the ranks: as the rules, but those of selective rules come last, because most packets do not use
// them. The local table has no unicast routes that a packet of a pod would leave by, unless a rule was moved; it counts
// like any other.
std::vector<TableSelection> selections_of(const std::vector<RoutingRule>& rules, const std::vector<Link>& links);

// The rank of the first selection that has the route; absent: none has it.
std::optional<std::uint32_t> rank_of(const Route& route, const std::vector<TableSelection>& selections);

Result<NextHops> read_next_hops(os::NetlinkRequests& requests);

// Appends one message of a dump.
void append_next_hop(const nlmsghdr& message, std::vector<NextHopObject>& objects);

// Returns the unicast routes of every table that a routing rule can select, with their ranks; of VRFs the tables of
// `links`.
Result<std::vector<Route>> read_routes(os::NetlinkRequests& requests, const std::vector<Link>& links);

// Appends one message of a dump.
void append_routes(const nlmsghdr& message, const NextHops& objects, std::vector<Route>& routes);

}  // namespace masq::agent
