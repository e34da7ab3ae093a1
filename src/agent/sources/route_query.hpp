// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "os/netlink.hpp"

namespace masq::agent {

// The kernel's way for a packet without a mark that arrives by a device.
struct KernelRoute {
  int ifindex = 0;
  std::vector<int> hops;  // the devices of a multipath route's next hops; empty: it has one next hop
  std::uint32_t table = 0;
  std::optional<Address> gateway;
  std::string rule;       // the rule that selected the table, as ip-rule(8) prints it: "from 10.1.1.11 lookup 200"
  std::string mark_rule;  // the first rule that asks for a mark, which could select another route; empty: none
};

// Fails with the kernel's reason: "Network is unreachable". `arrives_by` is the device toward the source; 0: the node.
Result<KernelRoute> query_route(os::NetlinkRequests& requests, const Address& source, const Address& destination,
                                int arrives_by);

}  // namespace masq::agent
