// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/netlink.h>

#include <vector>

#include "base/result.hpp"
#include "model/node.hpp"
#include "os/netlink.hpp"

namespace masq::agent {

// The kernel's links as types of the model, with their addresses and sysctls.
Result<std::vector<Link>> read_links(os::NetlinkRequests& requests);

// Appends one message of a dump.
void append_link(const nlmsghdr& message, std::vector<Link>& links);

}  // namespace masq::agent
