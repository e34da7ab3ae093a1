// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "bpf/abi/arrival.h"
#include "os/netlink.hpp"

namespace masq::bpf {

// A pod on a bridge may have another MAC address than the node's neighbour table: a forger, or a new pod with the
// address of an old one, whose entry was not verified since. Its packets are dropped in both cases. Makes the kernel
// verify the entry, as a packet to the neighbour would; an entry that is not confirmed fails after some seconds, and
// without a neighbour the pod is masqueraded.
class NeighbourDoubts {
 public:
  // Reads the map `arrivals`, and asks for one neighbour of each CPU that has a new doubt. Returns their number.
  Result<int> verify(int arrivals);

 private:
  Result<bool> ask(const masq_arrival& arrival);

  std::optional<os::NetlinkRequests> requests_;
  std::vector<std::uint32_t> seen_;  // the number of doubts of each CPU
};

}  // namespace masq::bpf
