// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/routing_tables.hpp"

#include <linux/fib_rules.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/sources/rtnetlink_message.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "os/netlink.hpp"

namespace masq::agent {
namespace {

std::uint8_t socket_family(Family family) {
  return family == Family::ipv4 ? AF_INET : AF_INET6;
}

// The gateway of a route, a next hop or a next-hop object. RTA_VIA is a family and an address.
std::optional<Address> gateway_in(const os::NetlinkAttributes& attributes, int gateway, int via) {
  if (attributes.has(gateway)) return address_in(attributes, gateway);
  const auto bytes = attributes.bytes(via);
  if (bytes.size() != sizeof(rtvia) + 4 && bytes.size() != sizeof(rtvia) + 16) return std::nullopt;
  return Address::from_bytes(bytes.subspan(sizeof(rtvia)));
}

Route route_of(const rtmsg& header, const os::NetlinkAttributes& attributes) {
  Route route;
  const bool ipv4 = header.rtm_family == AF_INET;
  const std::uint8_t zero[16] = {};
  const auto any = Address::from_bytes(std::span(zero).first(ipv4 ? 4 : 16));
  route.destination = Cidr(address_in(attributes, RTA_DST).value_or(any), header.rtm_dst_len);
  route.table = attributes.u32(RTA_TABLE, header.rtm_table);
  route.metric = attributes.u32(RTA_PRIORITY);
  route.preferred_source = address_in(attributes, RTA_PREFSRC);
  route.ifindex = static_cast<int>(attributes.u32(RTA_OIF));
  route.gateway = gateway_in(attributes, RTA_GATEWAY, RTA_VIA);
  route.has_gateway = attributes.has(RTA_GATEWAY) || attributes.has(RTA_VIA);
  // IPv6 routes have no scope: without a gateway they are directly connected.
  route.scope_link = ipv4 ? header.rtm_scope == RT_SCOPE_LINK : !route.has_gateway;
  return route;
}

void append_multipath(const Route& route, bool ipv4, std::span<const std::uint8_t> hops, std::vector<Route>& routes) {
  while (hops.size() >= sizeof(rtnexthop)) {
    rtnexthop hop;
    std::memcpy(&hop, hops.data(), sizeof hop);
    if (hop.rtnh_len < sizeof hop || hop.rtnh_len > hops.size()) return;
    const auto attributes = os::NetlinkAttributes::in(hops.subspan(sizeof hop, hop.rtnh_len - sizeof hop));
    auto& added = routes.emplace_back(route);
    added.ifindex = hop.rtnh_ifindex;
    added.gateway = gateway_in(attributes, RTA_GATEWAY, RTA_VIA);
    added.has_gateway = attributes.has(RTA_GATEWAY) || attributes.has(RTA_VIA);
    if (!ipv4) added.scope_link = !added.has_gateway;
    hops = hops.subspan(std::min<std::size_t>(hops.size(), RTNH_ALIGN(hop.rtnh_len)));
  }
}

// Replaces a route that names a next-hop object by one route for each next hop of the object. With
// net.ipv4.nexthop_compat_mode=0 the message of a route has nothing else.
void append_hops(const Route& route, const NextHops& objects, std::uint32_t id, std::vector<Route>& routes) {
  const auto object = objects.find(id);
  if (object == objects.end()) return;
  for (const auto& hop : object->second) {
    auto& added = routes.emplace_back(route);
    added.ifindex = hop.ifindex;
    added.gateway = hop.gateway;
    added.has_gateway = hop.gateway.has_value();
    if (route.destination.family() == Family::ipv6) added.scope_link = !added.has_gateway;
  }
}

// A rule with the opposite meaning (`not fwmark 0xca6c`, as wg-quick adds it) selects most packets.
bool is_selective(const fib_rule_hdr& header, const os::NetlinkAttributes& attributes) {
  constexpr int selectors[] = {FRA_SRC,      FRA_DST,         FRA_IIFNAME,     FRA_OIFNAME,   FRA_FWMARK,
                               FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE, FRA_UID_RANGE, FRA_TUN_ID};
  if ((header.flags & FIB_RULE_INVERT) != 0) return false;
  return header.tos != 0 || std::ranges::any_of(selectors, [&](int each) { return attributes.has(each); });
}

Result<std::vector<Route>> read_table(os::NetlinkRequests& requests, Family family, std::uint32_t table,
                                      const NextHops& objects) {
  struct {
    rtmsg header{};
    nlattr attribute{.nla_len = sizeof(nlattr) + sizeof(std::uint32_t), .nla_type = RTA_TABLE};
    std::uint32_t table = 0;
  } request;
  request.header.rtm_family = socket_family(family);
  request.header.rtm_type = RTN_UNICAST;
  request.table = table;
  auto routes = requests.dump<Route>(RTM_GETROUTE, as_bytes(request), [&](const nlmsghdr& message, auto& found) {
    append_routes(message, objects, found);
  });
  if (!routes) return fail_with("read routes", routes.error());
  return routes;
}

}  // namespace

void append_next_hop(const nlmsghdr& message, std::vector<NextHopObject>& objects) {
  if (message.nlmsg_type != RTM_NEWNEXTHOP) return;
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof(nhmsg));
  NextHopObject object{.id = attributes.u32(NHA_ID), .hop = {}, .group = {}};
  object.hop.ifindex = static_cast<int>(attributes.u32(NHA_OIF));
  object.hop.gateway = address_in(attributes, NHA_GATEWAY);
  const auto members = attributes.bytes(NHA_GROUP);
  for (std::size_t at = 0; at + sizeof(nexthop_grp) <= members.size(); at += sizeof(nexthop_grp)) {
    nexthop_grp member;
    std::memcpy(&member, members.data() + at, sizeof member);
    object.group.push_back(member.id);
  }
  objects.push_back(std::move(object));
}

void append_routes(const nlmsghdr& message, const NextHops& objects, std::vector<Route>& routes) {
  if (message.nlmsg_type != RTM_NEWROUTE) return;
  const auto& header = header_of<rtmsg>(message);
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof header);
  if (header.rtm_type != RTN_UNICAST || (header.rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) != 0) return;
  const auto route = route_of(header, attributes);
  if (const auto id = attributes.u32(RTA_NH_ID); id != 0 && objects.contains(id))
    return append_hops(route, objects, id, routes);
  if (attributes.has(RTA_MULTIPATH))
    return append_multipath(route, header.rtm_family == AF_INET, attributes.bytes(RTA_MULTIPATH), routes);
  routes.push_back(route);
}

void append_rule(const nlmsghdr& message, std::vector<RoutingRule>& rules) {
  if (message.nlmsg_type != RTM_NEWRULE) return;
  const auto& header = header_of<fib_rule_hdr>(message);
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof header);
  if (header.action != FR_ACT_TO_TBL) return;
  const auto by_vrf = attributes.bytes(FRA_L3MDEV);
  const bool of_vrfs = !by_vrf.empty() && by_vrf[0] != 0;
  const auto source = address_in(attributes, FRA_SRC);
  rules.push_back({.priority = attributes.u32(FRA_PRIORITY),
                   .table = of_vrfs ? 0 : attributes.u32(FRA_TABLE, header.table),
                   .mark = attributes.u32(FRA_FWMARK),
                   .source = source ? std::optional(Cidr(*source, header.src_len)) : std::nullopt,
                   .suppressed = attributes.has(FRA_SUPPRESS_PREFIXLEN)
                                     ? static_cast<int>(attributes.u32(FRA_SUPPRESS_PREFIXLEN))
                                     : -1,
                   .selective = is_selective(header, attributes)});
}

std::vector<TableSelection> selections_of(const std::vector<RoutingRule>& rules, const std::vector<Link>& links) {
  std::vector<TableSelection> selections;
  for (const bool selective : {false, true})
    for (const auto& rule : rules) {
      if (rule.selective != selective) continue;
      if (rule.table != 0) selections.push_back({rule.table, rule.suppressed});
      if (rule.table == 0)
        for (const auto& link : links)
          if (link.vrf_table != 0) selections.push_back({link.vrf_table, rule.suppressed});
    }
  return selections;
}

std::optional<std::uint32_t> rank_of(const Route& route, const std::vector<TableSelection>& selections) {
  const auto found = std::ranges::find_if(selections, [&](const TableSelection& selection) {
    return selection.table == route.table && route.destination.length() > selection.suppressed;
  });
  if (found == selections.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - selections.begin());
}

Result<std::vector<RoutingRule>> read_rules(os::NetlinkRequests& requests, Family family) {
  fib_rule_hdr header{};
  header.family = socket_family(family);
  auto rules = requests.dump<RoutingRule>(RTM_GETRULE, as_bytes(header), append_rule);
  if (!rules) return fail_with("read routing rules", rules.error());
  std::ranges::stable_sort(*rules, {}, &RoutingRule::priority);
  return rules;
}

Result<NextHops> read_next_hops(os::NetlinkRequests& requests) {
  const nhmsg header{};
  auto objects = requests.dump<NextHopObject>(RTM_GETNEXTHOP, as_bytes(header), append_next_hop);
  if (!objects) return fail_with("read next hops", objects.error());
  NextHops hops;
  for (const auto& object : *objects)
    if (object.hop.ifindex != 0) hops[object.id] = {object.hop};
  for (const auto& object : *objects)
    for (const auto member : object.group)
      if (const auto single = hops.find(member); single != hops.end())
        hops[object.id].push_back(single->second.front());
  return hops;
}

Result<std::vector<Route>> read_routes(os::NetlinkRequests& requests, const std::vector<Link>& links) {
  TRY(const auto objects, read_next_hops(requests));
  std::vector<Route> all;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    TRY(const auto rules, read_rules(requests, family));
    const auto selections = selections_of(rules, links);
    std::set<std::uint32_t> tables;
    for (const auto& selection : selections) {
      if (!tables.insert(selection.table).second) continue;
      TRY(auto routes, read_table(requests, family, selection.table, objects));
      for (auto& route : routes) {
        const auto rank = rank_of(route, selections);
        if (!rank) continue;
        route.table_rank = *rank;
        all.push_back(route);
      }
    }
  }
  return all;
}

}  // namespace masq::agent
