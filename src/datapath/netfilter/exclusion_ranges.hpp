// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/address_range.hpp"
#include "model/desired.hpp"

namespace masq::netfilter {

// Destinations that are excluded for one reason.
struct ExclusionRange {
  AddressRange range;
  Decision decision = Decision::masquerade;
  auto operator<=>(const ExclusionRange&) const = default;
};

// Converts the rules' longest-prefix decisions to disjoint, sorted ranges, for sets without overlaps. Masqueraded
// destinations are in no range. A prefix that no longer prefix interrupts is one range. `rules` must come from
// flatten().
std::vector<ExclusionRange> exclusion_ranges(const std::vector<PolicyRule>& rules);

// Merges overlapping and adjacent ranges; sorted.
std::vector<AddressRange> merged(std::vector<AddressRange> ranges);

// Returns the ranges without these addresses. Both are sorted.
std::vector<AddressRange> without(const std::vector<AddressRange>& ranges, const std::vector<Address>& addresses);

}  // namespace masq::netfilter
