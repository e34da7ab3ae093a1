// SPDX-License-Identifier: Apache-2.0
// Messages of rtnetlink and of conntrack. As the kernel does, each has at least the struct of its type; the attributes
// are the input's.
#include "os/netlink.hpp"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "agent/sources/routing_tables.hpp"
#include "agent/sources/rtnetlink.hpp"
#include "datapath/netfilter/conntrack_message.hpp"
#include "model/node.hpp"
#include "target.hpp"

namespace masq::fuzz {
namespace {

struct MessageType {
  std::uint16_t number;
  std::size_t header;
};
constexpr std::array message_types{MessageType{RTM_NEWLINK, sizeof(ifinfomsg)},
                                   MessageType{RTM_NEWADDR, sizeof(ifaddrmsg)},
                                   MessageType{RTM_NEWROUTE, sizeof(rtmsg)},
                                   MessageType{RTM_NEWRULE, sizeof(fib_rule_hdr)},
                                   MessageType{RTM_NEWNETCONF, sizeof(netconfmsg)},
                                   MessageType{RTM_NEWNEXTHOP, sizeof(nhmsg)},
                                   MessageType{netfilter::conntrack_new, sizeof(nfgenmsg)},
                                   MessageType{netfilter::conntrack_delete, sizeof(nfgenmsg)}};

struct Tables {
  std::vector<Link> links;
  std::vector<agent::OwnedAddress> addresses;
  std::vector<agent::DeviceSettings> settings;
  std::vector<Route> routes;
  std::vector<agent::RoutingRule> rules;
  std::vector<agent::NextHopObject> next_hops;
};

void visit(const nlmsghdr& message, Tables& tables) {
  const agent::NextHops hops{{1, {{.ifindex = 2, .gateway = std::nullopt}}}};
  agent::append_link(message, tables.links);
  agent::append_address(message, tables.addresses);
  agent::append_settings(message, tables.settings);
  agent::append_routes(message, hops, tables.routes);
  agent::append_rule(message, tables.rules);
  agent::append_next_hop(message, tables.next_hops);
  (void)netfilter::parse_connection(message);
}

}  // namespace

// The first byte of a message is its type, the next two the length of what follows.
void fuzz_netlink(Input input) {
  Tables tables;
  while (input.size() >= 3) {
    const auto& type = message_types[input[0] % message_types.size()];
    const auto length = std::min<std::size_t>(input[1] | input[2] << 8, input.size() - 3);
    const auto size = NLMSG_HDRLEN + std::max<std::size_t>(NLMSG_ALIGN(type.header), length);
    const std::unique_ptr<std::uint8_t[]> bytes(new std::uint8_t[size]{});  // no more: the sanitizer sees its end
    const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(size),
                          .nlmsg_type = type.number,
                          .nlmsg_flags = 0,
                          .nlmsg_seq = 0,
                          .nlmsg_pid = 0};
    std::memcpy(bytes.get(), &header, sizeof header);
    std::memcpy(bytes.get() + NLMSG_HDRLEN, input.data() + 3, length);
    visit(*reinterpret_cast<const nlmsghdr*>(bytes.get()), tables);
    input = input.subspan(3 + length);
  }
  (void)agent::selections_of(tables.rules, tables.links);
}

}  // namespace masq::fuzz
