// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/neighbour_doubts.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "bpf/abi/arrival.h"
#include "os/netlink.hpp"
#include "os/netlink_writer.hpp"

namespace masq::bpf {

// NTF_USE: neigh_event_send() for an existing entry (net/core/neighbour.c). An entry that was removed is no fault.
Result<bool> NeighbourDoubts::ask(const masq_arrival& arrival) {
  if (!requests_) {
    TRY(auto opened, os::NetlinkRequests::open());
    requests_.emplace(std::move(opened));
  }
  const bool is_ipv4 = arrival.doubted_family == 4;
  ndmsg header{};
  header.ndm_family = is_ipv4 ? AF_INET : AF_INET6;
  header.ndm_ifindex = static_cast<int>(arrival.doubted_ifindex);
  header.ndm_flags = NTF_USE;
  os::NetlinkWriter payload;
  payload.raw({reinterpret_cast<const std::uint8_t*>(&header), sizeof header});
  payload.bytes(NDA_DST, {reinterpret_cast<const std::uint8_t*>(arrival.doubted),
                          is_ipv4 ? sizeof arrival.doubted[0] : sizeof arrival.doubted});
  TRY(const auto error, requests_->request(RTM_NEWNEIGH, 0, payload.written()));
  return error == 0;
}

Result<int> NeighbourDoubts::verify(int arrivals) {
  std::vector<masq_arrival> cpus(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  const std::uint32_t key = 0;
  if (bpf_map_lookup_elem(arrivals, &key, cpus.data()) != 0) return fail("arrivals: {}", std::strerror(errno));
  seen_.resize(cpus.size());
  int asked = 0;
  for (std::size_t cpu = 0; cpu < cpus.size(); ++cpu) {
    if (cpus[cpu].doubts == seen_[cpu]) continue;
    seen_[cpu] = cpus[cpu].doubts;
    TRY(const auto done, ask(cpus[cpu]));
    asked += done;
  }
  return asked;
}

}  // namespace masq::bpf
