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

struct OwnedAddress {
  int ifindex;
  LinkAddress address;
};

// Some sysctls of a device.
struct DeviceSettings {
  int ifindex = 0;  // NETCONFA_IFINDEX_ALL: those of net.ipv4.conf.all
  int rp_filter = 0;
  bool forwarding = true;
};

// Append one message of a dump.
void append_link(const nlmsghdr& message, std::vector<Link>& links);
void append_address(const nlmsghdr& message, std::vector<OwnedAddress>& addresses);
void append_settings(const nlmsghdr& message, std::vector<DeviceSettings>& settings);

}  // namespace masq::agent
