// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/rtnetlink.hpp"

#include <gmock/gmock.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "agent/sources/routing_tables.hpp"
#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/node.hpp"
#include "os/netlink.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

// A netlink message, put together by hand.
class Message {
 public:
  template <class Header>
  Message(std::uint16_t type, const Header& header) : bytes_(sizeof(nlmsghdr)) {
    nlmsghdr start{};
    start.nlmsg_type = type;
    std::memcpy(bytes_.data(), &start, sizeof start);
    append(&header, sizeof header);
  }
  Message& with(std::uint16_t type, const void* data, std::size_t size) {
    const nlattr attribute{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + size), .nla_type = type};
    append(&attribute, sizeof attribute);
    append(data, size);
    return *this;
  }
  Message& with(std::uint16_t type, std::uint32_t value) { return with(type, &value, sizeof value); }
  Message& with(std::uint16_t type, const Address& address) {
    return with(type, address.bytes().data(), address.bytes().size());
  }
  const nlmsghdr& get() {
    auto* start = reinterpret_cast<nlmsghdr*>(bytes_.data());
    start->nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    return *start;
  }

 private:
  void append(const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  std::vector<std::uint8_t> bytes_;
};

rtmsg ipv4_route(unsigned char length, unsigned char scope = RT_SCOPE_UNIVERSE) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = length;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_type = RTN_UNICAST;
  header.rtm_scope = scope;
  return header;
}

std::vector<Route> routes_of(Message message, const NextHops& objects = {}) {
  std::vector<Route> routes;
  append_routes(message.get(), objects, routes);
  return routes;
}

TEST(Rtnetlink, ADefaultRoute) {
  const auto routes = routes_of(
      Message(RTM_NEWROUTE, ipv4_route(0)).with(RTA_OIF, 2).with(RTA_GATEWAY, "192.0.2.1"_ip).with(RTA_PRIORITY, 100));
  EXPECT_THAT(routes, ::testing::ElementsAre(Route{.destination = "0.0.0.0/0"_cidr,
                                                   .ifindex = 2,
                                                   .metric = 100,
                                                   .has_gateway = true,
                                                   .gateway = "192.0.2.1"_ip}));
}

TEST(Rtnetlink, AConnectedRouteWithItsSource) {
  const auto routes = routes_of(Message(RTM_NEWROUTE, ipv4_route(24, RT_SCOPE_LINK))
                                    .with(RTA_DST, "192.0.2.0"_ip)
                                    .with(RTA_OIF, 2)
                                    .with(RTA_PREFSRC, "192.0.2.10"_ip));
  EXPECT_THAT(
      routes,
      ::testing::ElementsAre(Route{
          .destination = "192.0.2.0/24"_cidr, .ifindex = 2, .scope_link = true, .preferred_source = "192.0.2.10"_ip}));
}

TEST(Rtnetlink, EachNextHopIsARoute) {
  struct {
    rtnexthop first{.rtnh_len = sizeof(rtnexthop) + 8, .rtnh_flags = 0, .rtnh_hops = 0, .rtnh_ifindex = 2};
    nlattr gateway{.nla_len = 8, .nla_type = RTA_GATEWAY};
    std::uint8_t address[4] = {192, 0, 2, 1};
    rtnexthop second{.rtnh_len = sizeof(rtnexthop), .rtnh_flags = 0, .rtnh_hops = 0, .rtnh_ifindex = 3};
  } hops;
  const auto routes = routes_of(Message(RTM_NEWROUTE, ipv4_route(0)).with(RTA_MULTIPATH, &hops, sizeof hops));
  EXPECT_THAT(routes,
              ::testing::ElementsAre(
                  Route{.destination = "0.0.0.0/0"_cidr, .ifindex = 2, .has_gateway = true, .gateway = "192.0.2.1"_ip},
                  Route{.destination = "0.0.0.0/0"_cidr, .ifindex = 3}));
}

TEST(Rtnetlink, NextHopsThatContradictThemselvesAreLeftOut) {
  const rtnexthop endless{.rtnh_len = 0, .rtnh_flags = 0, .rtnh_hops = 0, .rtnh_ifindex = 2};
  EXPECT_TRUE(routes_of(Message(RTM_NEWROUTE, ipv4_route(0)).with(RTA_MULTIPATH, &endless, sizeof endless)).empty());
}

TEST(Rtnetlink, ARouteByANextHopObjectHasItsHops) {
  const NextHops objects = {{20, {{.ifindex = 2, .gateway = "192.0.2.1"_ip}, {.ifindex = 3, .gateway = {}}}}};
  EXPECT_THAT(routes_of(Message(RTM_NEWROUTE, ipv4_route(0)).with(RTA_NH_ID, 20), objects),
              ::testing::ElementsAre(
                  Route{.destination = "0.0.0.0/0"_cidr, .ifindex = 2, .has_gateway = true, .gateway = "192.0.2.1"_ip},
                  Route{.destination = "0.0.0.0/0"_cidr, .ifindex = 3}));
}

TEST(Rtnetlink, AnIpv4RouteMayHaveAnIpv6Gateway) {
  struct {
    std::uint16_t family = AF_INET6;
    std::uint8_t address[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xb};
  } via;
  const auto routes = routes_of(Message(RTM_NEWROUTE, ipv4_route(0)).with(RTA_OIF, 2).with(RTA_VIA, &via, sizeof via));
  ASSERT_EQ(routes.size(), 1u);
  EXPECT_TRUE(routes[0].has_gateway);
  EXPECT_EQ(routes[0].gateway, "fe80::b"_ip);
}

Message rule(std::uint32_t priority, std::uint32_t table, std::uint32_t flags = 0) {
  fib_rule_hdr header{};
  header.family = AF_INET;
  header.action = FR_ACT_TO_TBL;
  header.flags = flags;
  return Message(RTM_NEWRULE, header).with(FRA_PRIORITY, priority).with(FRA_TABLE, table);
}

std::vector<TableSelection> selections(std::vector<Message> messages) {
  std::vector<RoutingRule> rules;
  for (auto& message : messages) append_rule(message.get(), rules);
  return selections_of(rules, {});
}

std::optional<std::uint32_t> rank(Cidr destination, std::uint32_t table, const std::vector<TableSelection>& of) {
  return rank_of({.destination = destination, .table = table}, of);
}

TEST(Rtnetlink, TheTableOfASelectiveRuleComesLast) {
  const auto found = selections({rule(1000, 100).with(FRA_FWMARK, 0x64), rule(32766, RT_TABLE_MAIN)});
  EXPECT_EQ(rank("0.0.0.0/0"_cidr, RT_TABLE_MAIN, found), 0);
  EXPECT_EQ(rank("0.0.0.0/0"_cidr, 100, found), 1);
  EXPECT_EQ(rank("0.0.0.0/0"_cidr, 200, found), std::nullopt);
}

TEST(Rtnetlink, AnInvertedRuleSelectsMostPackets) {
  const auto found = selections({rule(1000, 100, FIB_RULE_INVERT).with(FRA_FWMARK, 0x64), rule(32766, RT_TABLE_MAIN)});
  EXPECT_EQ(rank("0.0.0.0/0"_cidr, 100, found), 0);
}

TEST(Rtnetlink, ASuppressedRouteHasTheRankOfALaterRule) {
  const auto found = selections(
      {rule(1900, RT_TABLE_MAIN).with(FRA_SUPPRESS_PREFIXLEN, 0), rule(2000, 51820), rule(32766, RT_TABLE_MAIN)});
  EXPECT_EQ(rank("0.0.0.0/0"_cidr, RT_TABLE_MAIN, found), 2);
  EXPECT_EQ(rank("192.0.2.0/24"_cidr, RT_TABLE_MAIN, found), 0);
  EXPECT_EQ(rank("0.0.0.0/0"_cidr, 51820, found), 1);
}

TEST(Rtnetlink, OtherTypesAreLeftOut) {
  auto local = ipv4_route(32);
  local.rtm_type = RTN_LOCAL;
  EXPECT_TRUE(routes_of(Message(RTM_NEWROUTE, local).with(RTA_OIF, 2)).empty());
  auto dead = ipv4_route(0);
  dead.rtm_flags = RTNH_F_DEAD;
  EXPECT_TRUE(routes_of(Message(RTM_NEWROUTE, dead).with(RTA_OIF, 2)).empty());
}

TEST(Rtnetlink, WhatThisNamespaceHas) {
  auto requests = os::NetlinkRequests::open();
  ASSERT_TRUE(requests);
  const auto links = read_links(*requests);
  ASSERT_TRUE(links) << links.error().message;
  const auto loopback = std::ranges::find(*links, "lo", &Link::name);
  ASSERT_NE(loopback, links->end());
  EXPECT_TRUE(loopback->loopback);
  EXPECT_EQ(loopback->ifindex, 1);
  const auto routes = read_routes(*requests, *links);
  EXPECT_TRUE(routes) << routes.error().message;
}

}  // namespace
}  // namespace masq::agent
