// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/cidr.hpp"
#include "model/desired.hpp"
#include "unit/words.hpp"

namespace masq::netfilter {

// One uplink with an IPv4 address, and one pod CIDR: what the laws of the netfilter datapaths are tested with.
inline Desired node() {
  Desired desired;
  desired.uplinks = {{.ifindex = 2, .name = "eth0", .ipv4 = {"203.0.113.9"_ip}, .ipv6 = {}}};
  desired.ipv4.sources = {"10.0.0.0/16"_cidr};
  desired.ipv4.rules = {{"203.0.113.9/32"_cidr, Decision::exclude_own_address}};
  desired.ports = {{.low = 1024, .high = 65535}};
  return desired;
}

}  // namespace masq::netfilter
