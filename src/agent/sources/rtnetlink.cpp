// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/rtnetlink.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/sources/rtnetlink_message.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "os/netlink.hpp"

namespace masq::agent {
namespace {

// The kernel prefers temporary addresses if use_tempaddr is above 1 (ip-sysctl).
bool prefers_temporary(const os::NetlinkAttributes& link) {
  const auto settings = link.nested(IFLA_AF_SPEC).nested(AF_INET6).bytes(IFLA_INET6_CONF);
  std::int32_t use_temporary = 0;
  const auto at = DEVCONF_USE_TEMPADDR * sizeof use_temporary;
  if (settings.size() >= at + sizeof use_temporary)
    std::memcpy(&use_temporary, settings.data() + at, sizeof use_temporary);
  return use_temporary > 1;
}

void name_masters(std::vector<Link>& links) {
  std::unordered_map<int, std::string> kinds;
  for (const auto& link : links) kinds[link.ifindex] = link.kind;
  for (auto& link : links)
    if (link.master != 0) link.master_kind = kinds[link.master];
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

Result<std::unordered_map<int, DeviceSettings>> read_settings(os::NetlinkRequests& requests, unsigned char family) {
  struct {  // the kernel rejects a header without its padding
    alignas(NLMSG_ALIGNTO) netconfmsg header{};
  } request;
  request.header.ncm_family = family;
  auto settings = requests.dump<DeviceSettings>(RTM_GETNETCONF, as_bytes(request), append_settings);
  if (!settings) return fail_with("read the sysctls of devices", settings.error());
  std::unordered_map<int, DeviceSettings> by_index;
  for (const auto& each : *settings) by_index[each.ifindex] = each;
  return by_index;
}

// The kernel uses the maximum of the device's rp_filter and the value of "all" (ip-sysctl). For forwarding, IPv4 asks
// the device, and IPv6 only "all".
Result<void> read_settings(os::NetlinkRequests& requests, std::vector<Link>& links) {
  TRY(auto ipv4, read_settings(requests, AF_INET));
  TRY(auto ipv6, read_settings(requests, AF_INET6));
  for (auto& link : links) {
    link.rp_filter = std::max(ipv4[NETCONFA_IFINDEX_ALL].rp_filter, ipv4[link.ifindex].rp_filter);
    link.forwards_ipv4 = ipv4[link.ifindex].forwarding;
    link.forwards_ipv6 = ipv6[NETCONFA_IFINDEX_ALL].forwarding;
  }
  return {};
}

}  // namespace

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

void append_settings(const nlmsghdr& message, std::vector<DeviceSettings>& settings) {
  if (message.nlmsg_type != RTM_NEWNETCONF) return;
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof(netconfmsg));
  settings.push_back({.ifindex = static_cast<int>(attributes.u32(NETCONFA_IFINDEX)),
                      .rp_filter = static_cast<int>(attributes.u32(NETCONFA_RP_FILTER)),
                      .forwarding = attributes.u32(NETCONFA_FORWARDING, 1) != 0});
}

void append_link(const nlmsghdr& message, std::vector<Link>& links) {
  if (message.nlmsg_type != RTM_NEWLINK) return;
  const auto& header = header_of<ifinfomsg>(message);
  const auto attributes = os::NetlinkAttributes::of_message(message, sizeof header);
  const auto info = attributes.nested(IFLA_LINKINFO);
  auto& link = links.emplace_back();
  link.ifindex = header.ifi_index;
  link.name = attributes.text(IFLA_IFNAME);
  link.alternative_names = attributes.nested(IFLA_PROP_LIST).texts(IFLA_ALT_IFNAME);
  link.kind = info.text(IFLA_INFO_KIND);
  link.arp_type = header.ifi_type;
  link.up = (header.ifi_flags & IFF_UP) != 0;
  link.loopback = (header.ifi_flags & IFF_LOOPBACK) != 0;
  link.master = static_cast<int>(attributes.u32(IFLA_MASTER));
  link.prefers_temporary = prefers_temporary(attributes);
  if (link.kind == "vrf") link.vrf_table = info.nested(IFLA_INFO_DATA).u32(IFLA_VRF_TABLE);
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
  TRY_DO(read_settings(requests, *links));
  name_masters(*links);
  return links;
}

}  // namespace masq::agent
