// SPDX-License-Identifier: Apache-2.0
#include "base/edit_distance.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <vector>

namespace masq {

// Row by row of the usual table: cost[j] is the distance between the letters of `one` so far and the first j of
// `other`.
std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> cost(other.size() + 1);
  std::iota(cost.begin(), cost.end(), std::size_t{0});
  for (std::size_t i = 0; i < one.size(); ++i) {
    auto diagonal = cost[0];
    cost[0] = i + 1;
    for (std::size_t j = 0; j < other.size(); ++j) {
      const auto replaced = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = cost[j + 1];
      cost[j + 1] = std::min({replaced, cost[j] + 1, cost[j + 1] + 1});
    }
  }
  return cost.back();
}

}  // namespace masq
