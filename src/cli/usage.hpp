// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/port_range.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"

namespace masq::cli {

// Usage of the table by pods and destinations, measured by one walk through it.
struct Usage {
  struct Pod {
    Address address;
    std::uint64_t mappings = 0;
    std::uint64_t ports = 0;  // used external endpoints: one endpoint serves many destinations
  };
  // The ports that are taken toward a remote endpoint. Each external address has as many ports as the range. Ports
  // outside the range are kept by pods, and never chosen, so only those of the range become scarce. ICMP is not
  // counted: its identifiers are no ports, and rarely scarce.
  struct Destination {
    std::uint8_t protocol = 0;
    Address remote;
    std::uint16_t remote_port = 0;
    Address external;
    std::uint64_t ports = 0;
    std::uint64_t of_range = 0;   // ports inside the range
    std::uint64_t gives_way = 0;  // of these: of conversations that are over
    auto operator<=>(const Destination&) const = default;
  };
  std::vector<Pod> pods;                  // most mappings first
  std::vector<Destination> destinations;  // most ports of the range first
};

// If `range` is empty, the range is unknown, and all ports count as its.
Result<Usage> measure_usage(const CommandContext& context, const std::vector<PortRange>& range);

}  // namespace masq::cli
