// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "cli/command.hpp"

namespace masq {

// Who uses how much of the table, by one walk through it.
struct Usage {
  struct Pod {
    Address address;
    std::uint64_t mappings = 0;
    std::uint64_t ports = 0;  // external endpoints that it uses: one serves many destinations
  };
  // The ports that are taken toward a remote endpoint: each external address has so many as the port range holds. ICMP
  // is not among them: its identifiers are no ports, and plenty.
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

Result<Usage> measure_usage(const World& world);

}  // namespace masq
