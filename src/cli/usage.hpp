// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

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
  // The ports that are taken toward a remote endpoint. Each external address has as many ports as the range. ICMP is
  // not counted: its identifiers are no ports, and rarely scarce.
  struct Destination {
    std::uint8_t protocol = 0;
    Address remote;
    std::uint16_t remote_port = 0;
    Address external;
    std::uint64_t ports = 0;
    auto operator<=>(const Destination&) const = default;
  };
  std::vector<Pod> pods;                  // most mappings first
  std::vector<Destination> destinations;  // most ports first
};

Result<Usage> measure_usage(const CommandContext& context);

}  // namespace masq::cli
