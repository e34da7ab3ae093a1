// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/rtnetlink.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "os/netlink.hpp"

namespace masq::agent {
namespace {

// The kernel's messages are at least as large as T.
template <class T>
const T& header_of(const nlmsghdr& message) {
  return *static_cast<const T*>(NLMSG_DATA(&message));
}

template <class T>
std::span<const std::uint8_t> as_bytes(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

std::optional<Address> address_in(const os::NetlinkAttributes& attributes, int type) {
  const auto bytes = attributes.bytes(type);
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  return Address::from_bytes(bytes);
}

struct OwnedAddress {
  int ifindex;
  LinkAddress address;
};

void append_address(const nlmsghdr& message, std::vector<OwnedAddress>& addresses) {
  if (message.nlmsg_type != RTM_NEWADDR) return;
  const auto& header = header_of<ifaddrmsg>(message);
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof header);
  // On a point-to-point link IFA_ADDRESS is the peer's address, and IFA_LOCAL the device's.
  const auto address = address_in(attributes, attributes.has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS);
  if (!address) return;
  const auto flags = attributes.u32(IFA_FLAGS, header.ifa_flags);
  addresses.push_back({.ifindex = static_cast<int>(header.ifa_index),
                       .address = {.address = *address,
                                   .prefix_length = header.ifa_prefixlen,
                                   .broadcast = address_in(attributes, IFA_BROADCAST),
                                   .scope_global = header.ifa_scope <= RT_SCOPE_SITE,
                                   .secondary = (flags & IFA_F_SECONDARY) != 0,
                                   .tentative = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_OPTIMISTIC)) != 0,
                                   .deprecated = (flags & IFA_F_DEPRECATED) != 0}});
}

void name_masters(std::vector<Link>& links) {
  std::unordered_map<int, std::string> kinds;
  for (const auto& link : links) kinds[link.ifindex] = link.kind;
  for (auto& link : links)
    if (link.master != 0) link.master_kind = kinds[link.master];
}

Route route_of(const rtmsg& header, const os::NetlinkAttributes& attributes) {
  Route route;
  const bool ipv4 = header.rtm_family == AF_INET;
  const std::uint8_t zero[16] = {};
  const auto any = Address::from_bytes(std::span(zero).first(ipv4 ? 4 : 16));
  route.destination = Cidr(address_in(attributes, RTA_DST).value_or(any), header.rtm_dst_len);
  route.metric = attributes.u32(RTA_PRIORITY);
  route.preferred_source = address_in(attributes, RTA_PREFSRC);
  route.ifindex = static_cast<int>(attributes.u32(RTA_OIF));
  route.gateway = address_in(attributes, RTA_GATEWAY);
  route.has_gateway = attributes.has(RTA_GATEWAY) || attributes.has(RTA_VIA);
  // IPv6 routes have no scope: without a gateway they are directly connected.
  route.scope_link = ipv4 ? header.rtm_scope == RT_SCOPE_LINK : !route.has_gateway;
  return route;
}

void append_next_hops(const Route& route, bool ipv4, std::span<const std::uint8_t> hops, std::vector<Route>& routes) {
  while (hops.size() >= sizeof(rtnexthop)) {
    rtnexthop hop;
    std::memcpy(&hop, hops.data(), sizeof hop);
    if (hop.rtnh_len < sizeof hop || hop.rtnh_len > hops.size()) return;
    const auto attributes = os::NetlinkAttributes::in(hops.subspan(sizeof hop, hop.rtnh_len - sizeof hop));
    auto& added = routes.emplace_back(route);
    added.ifindex = hop.rtnh_ifindex;
    added.gateway = address_in(attributes, RTA_GATEWAY);
    added.has_gateway = attributes.has(RTA_GATEWAY) || attributes.has(RTA_VIA);
    if (!ipv4) added.scope_link = !added.has_gateway;
    hops = hops.subspan(std::min<std::size_t>(hops.size(), RTNH_ALIGN(hop.rtnh_len)));
  }
}

Result<void> read_addresses(os::NetlinkRequests& requests, std::vector<Link>& links) {
  const ifaddrmsg header{};
  auto addresses = requests.dump<OwnedAddress>(RTM_GETADDR, as_bytes(header), append_address);
  if (!addresses) return fail_with("read addresses", addresses.error());
  std::unordered_map<int, Link*> by_index;
  for (auto& link : links) by_index[link.ifindex] = &link;
  for (const auto& owned : *addresses)
    if (const auto link = by_index.find(owned.ifindex); link != by_index.end())
      link->second->addresses.push_back(owned.address);
  return {};
}

struct ReversePathFilter {
  int ifindex;  // NETCONFA_IFINDEX_ALL: the value of net.ipv4.conf.all
  int mode;
};

void append_reverse_path_filter(const nlmsghdr& message, std::vector<ReversePathFilter>& filters) {
  if (message.nlmsg_type != RTM_NEWNETCONF) return;
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof(netconfmsg));
  filters.push_back({.ifindex = static_cast<int>(attributes.u32(NETCONFA_IFINDEX)),
                     .mode = static_cast<int>(attributes.u32(NETCONFA_RP_FILTER))});
}

// The kernel uses the maximum of the device's value and the value of "all" (ip-sysctl: rp_filter).
Result<void> read_reverse_path_filters(os::NetlinkRequests& requests, std::vector<Link>& links) {
  struct {  // the kernel rejects a header without its padding
    alignas(NLMSG_ALIGNTO) netconfmsg header{.ncm_family = AF_INET};
  } request;
  auto filters = requests.dump<ReversePathFilter>(RTM_GETNETCONF, as_bytes(request), append_reverse_path_filter);
  if (!filters) return fail_with("read rp_filter", filters.error());
  std::unordered_map<int, int> by_index;
  for (const auto& filter : *filters) by_index[filter.ifindex] = filter.mode;
  for (auto& link : links) link.rp_filter = std::max(by_index[NETCONFA_IFINDEX_ALL], by_index[link.ifindex]);
  return {};
}

}  // namespace

void append_link(const nlmsghdr& message, std::vector<Link>& links) {
  if (message.nlmsg_type != RTM_NEWLINK) return;
  const auto& header = header_of<ifinfomsg>(message);
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof header);
  const auto info = attributes.nested(IFLA_LINKINFO);
  links.push_back({.ifindex = header.ifi_index,
                   .name = std::string(attributes.text(IFLA_IFNAME)),
                   .kind = std::string(info.text(IFLA_INFO_KIND)),
                   .arp_type = header.ifi_type,
                   .up = (header.ifi_flags & IFF_UP) != 0,
                   .loopback = (header.ifi_flags & IFF_LOOPBACK) != 0,
                   .master = static_cast<int>(attributes.u32(IFLA_MASTER)),
                   .master_kind = {},
                   .rp_filter = 0,
                   .addresses = {}});
}

void append_routes(const nlmsghdr& message, std::vector<Route>& routes) {
  if (message.nlmsg_type != RTM_NEWROUTE) return;
  const auto& header = header_of<rtmsg>(message);
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof header);
  const bool wanted = header.rtm_type == RTN_UNICAST && attributes.u32(RTA_TABLE, header.rtm_table) == RT_TABLE_MAIN &&
                      (header.rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) == 0;
  if (!wanted) return;
  const auto route = route_of(header, attributes);
  if (attributes.has(RTA_MULTIPATH))
    return append_next_hops(route, header.rtm_family == AF_INET, attributes.bytes(RTA_MULTIPATH), routes);
  routes.push_back(route);
}

Result<std::vector<Link>> read_links(os::NetlinkRequests& requests) {
  // Statistics are long, and the kernel queries the hardware for virtual functions under its network lock.
  struct {
    ifinfomsg header{};
    nlattr attribute{.nla_len = sizeof(nlattr) + sizeof(std::uint32_t), .nla_type = IFLA_EXT_MASK};
    std::uint32_t mask = RTEXT_FILTER_SKIP_STATS;
  } request;
  auto links = requests.dump<Link>(RTM_GETLINK, as_bytes(request), append_link);
  if (!links) return fail_with("read links", links.error());
  TRY_DO(read_addresses(requests, *links));
  TRY_DO(read_reverse_path_filters(requests, *links));
  name_masters(*links);
  return links;
}

Result<std::vector<Route>> read_routes(os::NetlinkRequests& requests) {
  std::vector<Route> all;
  for (const auto family : {AF_INET, AF_INET6}) {
    rtmsg header{};
    header.rtm_family = static_cast<unsigned char>(family);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_type = RTN_UNICAST;
    auto routes = requests.dump<Route>(RTM_GETROUTE, as_bytes(header), append_routes);
    if (!routes) return fail_with("read routes", routes.error());
    std::ranges::move(*routes, std::back_inserter(all));
  }
  return all;
}

}  // namespace masq::agent
