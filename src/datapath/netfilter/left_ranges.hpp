// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/address_range.hpp"
#include "model/desired.hpp"

namespace masq {

// Destinations that are all left alone for one reason.
struct LeftRange {
  AddressRange range;
  Decision decision = Decision::masquerade;
  auto operator<=>(const LeftRange&) const = default;
};

// The rules' longest-prefix answers as disjoint ranges, sorted, for sets that hold no overlaps; what is to be
// masqueraded is in none. A prefix that no longer one carves is one range. `rules` as flatten() makes them.
std::vector<LeftRange> left_ranges(const std::vector<PolicyRule>& rules);

// Overlapping and adjacent ranges as one; sorted.
std::vector<AddressRange> merged(std::vector<AddressRange> ranges);

}  // namespace masq
