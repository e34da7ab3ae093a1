// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq {

// A closed interval of ports, host byte order, low <= high.
struct PortRange {
  std::uint16_t low = 0;
  std::uint16_t high = 0;

  // "1024-29999" or "443"; low > high and 0 are rejected.
  static Result<PortRange> parse(std::string_view text);
  std::string to_string() const;
  auto operator<=>(const PortRange&) const = default;
};

// Returns sorted, disjoint, non-adjacent ranges.
std::vector<PortRange> normalise(std::vector<PortRange> ranges);
// Returns `ranges` without the ports of `holes`; normalised.
std::vector<PortRange> subtract(const std::vector<PortRange>& ranges, const std::vector<PortRange>& holes);
// Returns the ports of `ranges` that are inside `limits`; normalised.
std::vector<PortRange> intersect(const std::vector<PortRange>& ranges, PortRange limits);
// Returns the number of ports in the ranges.
std::uint32_t port_count(const std::vector<PortRange>& ranges);
std::string join(const std::vector<PortRange>& ranges);  // "1024-29999,61000-65535"

}  // namespace masq
