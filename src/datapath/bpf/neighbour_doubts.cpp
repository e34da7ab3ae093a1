// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/neighbour_doubts.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "bpf/abi/arrival.h"
#include "os/netlink.hpp"

namespace masq::bpf {

// NTF_USE: neigh_event_send() for an existing entry (net/core/neighbour.c). An entry that was removed is no fault.
Result<bool> NeighbourDoubts::ask(const masq_arrival& arrival) {
  if (!requests_) {
    TRY(auto opened, os::NetlinkRequests::open());
    requests_.emplace(std::move(opened));
  }
  const std::uint16_t size = arrival.doubted_family == 4 ? 4 : sizeof arrival.doubted;
  ndmsg header{};
  header.ndm_family = arrival.doubted_family == 4 ? AF_INET : AF_INET6;
  header.ndm_ifindex = static_cast<int>(arrival.doubted_ifindex);
  header.ndm_flags = NTF_USE;
  const nlattr attribute{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + size), .nla_type = NDA_DST};
  std::array<std::uint8_t, sizeof header + sizeof attribute + sizeof arrival.doubted> payload{};
  std::memcpy(payload.data(), &header, sizeof header);
  std::memcpy(&payload[sizeof header], &attribute, sizeof attribute);
  std::memcpy(&payload[sizeof header + sizeof attribute], arrival.doubted, size);
  TRY(const auto error,
      requests_->request(RTM_NEWNEIGH, 0, std::span(payload).first(sizeof header + sizeof attribute + size)));
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
