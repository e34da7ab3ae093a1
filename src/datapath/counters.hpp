// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace masq {

// A counter of packets that left the engine for one reason.
struct ReasonCount {
  Family family = Family::ipv4;
  std::string direction;  // "egress", "ingress"
  std::string reason;     // the metric label
  bool drop = false;
  std::uint64_t packets = 0;
};

struct TableUse {
  Family family = Family::ipv4;
  std::uint32_t used = 0;      // live mappings
  std::uint32_t bypassed = 0;  // remembered bypassed connections
  std::uint32_t maximum = 0;
  std::uint64_t bytes = 0;  // memory of its maps; 0: the kernel does not account for it
};

// Created mappings of one protocol.
struct CreatedCount {
  Family family = Family::ipv4;
  std::string protocol;  // "tcp", "udp", "icmp"
  std::uint64_t mappings = 0;
};

// Number of ports examined per new mapping, or per refused one: a histogram.
struct PortAttempts {
  struct Bucket {
    std::uint32_t at_most = 0;      // upper bound of attempts
    std::uint64_t allocations = 0;  // allocations with at most this number of attempts
  };
  std::vector<Bucket> buckets;    // ascending
  std::uint64_t allocations = 0;  // all, including those above the last bucket
  std::uint64_t attempts = 0;     // sum over all allocations
};

struct Counters {
  std::vector<ReasonCount> packets;
  std::vector<TableUse> tables;
  std::uint64_t mappings_created[2] = {0, 0};     // IPv4, IPv6
  std::vector<CreatedCount> created_by_protocol;  // by protocol; empty: not counted by this datapath
  std::optional<PortAttempts> port_attempts;      // absent: not measured by this datapath
};

}  // namespace masq
