// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/route_query.hpp"

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "agent/sources/routing_tables.hpp"
#include "agent/sources/rtnetlink_message.hpp"
#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "os/netlink.hpp"

namespace masq::agent {
namespace {

// The payload of a request: a header and attributes.
class Request {
 public:
  explicit Request(const rtmsg& header) { append(&header, sizeof header); }
  void add(std::uint16_t type, const void* data, std::size_t size) {
    const nlattr attribute{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + size), .nla_type = type};
    append(&attribute, sizeof attribute);
    append(data, size);
  }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  void append(const void* data, std::size_t size) {
    const auto* const begin = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
    bytes_.resize(NLA_ALIGN(bytes_.size()));
  }
  std::vector<std::uint8_t> bytes_;
};

Request request_for(const Address& source, const Address& destination, int arrives_by, std::uint32_t flags) {
  rtmsg header{};
  header.rtm_family = destination.family() == Family::ipv4 ? AF_INET : AF_INET6;
  header.rtm_dst_len = static_cast<unsigned char>(address_bits(destination.family()));
  header.rtm_src_len = header.rtm_dst_len;
  header.rtm_flags = flags;
  Request request(header);
  request.add(RTA_DST, destination.bytes().data(), destination.bytes().size());
  request.add(RTA_SRC, source.bytes().data(), source.bytes().size());
  if (arrives_by != 0) request.add(RTA_IIF, &arrives_by, sizeof arrives_by);
  return request;
}

std::string text_of(const RoutingRule& rule) {
  auto text = fmt::format("from {}", rule.source ? rule.source->to_string() : "all");
  if (rule.mark != 0) text += fmt::format(" fwmark {:#x}", rule.mark);
  return fmt::format("{} lookup {}", text, rule.table);
}

bool selects(const RoutingRule& rule, const Address& source, std::uint32_t table) {
  return rule.mark == 0 && rule.table == table && (!rule.source || rule.source->contains(source));
}

void name_rules(const std::vector<RoutingRule>& rules, const Address& source, KernelRoute& route) {
  for (const auto& rule : rules) {
    if (route.rule.empty() && selects(rule, source, route.table)) route.rule = text_of(rule);
    if (route.mark_rule.empty() && rule.mark != 0) route.mark_rule = text_of(rule);
  }
}

Result<std::vector<int>> query_hops(os::NetlinkRequests& requests, const Request& request) {
  TRY(const auto objects, read_next_hops(requests));
  std::vector<Route> routes;
  TRY_DO(requests.ask(RTM_GETROUTE, request.bytes(),
                      [&](const nlmsghdr& message) { append_routes(message, objects, routes); }));
  std::vector<int> devices;
  if (routes.size() > 1)
    for (const auto& route : routes) devices.push_back(route.ifindex);
  return devices;
}

}  // namespace

Result<KernelRoute> query_route(os::NetlinkRequests& requests, const Address& source, const Address& destination,
                                int arrives_by) {
  // An IPv6 reply always has the table; the request is refused with this flag (inet6_rtm_valid_getroute_req()).
  const auto request = request_for(source, destination, arrives_by,
                                   destination.family() == Family::ipv4 ? std::uint32_t{RTM_F_LOOKUP_TABLE} : 0);
  std::optional<KernelRoute> route;
  TRY_DO(requests.ask(RTM_GETROUTE, request.bytes(), [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWROUTE) return;
    const auto& header = header_of<rtmsg>(message);
    const auto attributes = os::NetlinkAttributes::of_message(message, sizeof header);
    route = KernelRoute{.ifindex = static_cast<int>(attributes.u32(RTA_OIF)),
                        .hops = {},
                        .table = attributes.u32(RTA_TABLE, header.rtm_table),
                        .gateway = address_in(attributes, RTA_GATEWAY),
                        .rule = {},
                        .mark_rule = {}};
  }));
  if (!route) return fail("the kernel gave no route");
  TRY(route->hops, query_hops(requests, request_for(source, destination, arrives_by, RTM_F_FIB_MATCH)));
  TRY(const auto rules, read_rules(requests, destination.family()));
  name_rules(rules, source, *route);
  return *route;
}

}  // namespace masq::agent
