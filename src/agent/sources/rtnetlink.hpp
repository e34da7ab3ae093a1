// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/netlink.h>

#include <vector>

#include "base/result.hpp"
#include "model/node.hpp"
#include "os/netlink.hpp"

namespace masq::agent {

// The kernel's tables as types of the model: links with their addresses and reverse path filters, and the unicast
// routes of the main table.
Result<std::vector<Link>> read_links(os::NetlinkRequests& requests);
Result<std::vector<Route>> read_routes(os::NetlinkRequests& requests);

// Appends one message of a dump.
void append_link(const nlmsghdr& message, std::vector<Link>& links);
void append_routes(const nlmsghdr& message, std::vector<Route>& routes);

}  // namespace masq::agent
