// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/port_range.hpp"

namespace masq::cli {

// The limits of the table; 0: unknown.
struct Limits {
  std::uint64_t mappings = 0;
  std::uint64_t per_pod = 0;
  std::uint64_t ports = 0;             // that are chosen, of one external address toward one remote endpoint
  std::vector<PortRange> port_ranges;  // these ports
};

// Reads the member "limits" of the agent's documents.
Limits limits_of(const nlohmann::ordered_json& document);

}  // namespace masq::cli
