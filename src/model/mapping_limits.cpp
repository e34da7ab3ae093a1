// SPDX-License-Identifier: Apache-2.0
#include "model/mapping_limits.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "model/config.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

constexpr std::uint32_t most = 524288, least = 16384;
constexpr std::uint64_t bytes_per_mapping = 256;  // of one mapping in each family's table (docs/performance.md)

std::uint64_t budget(const Memory& memory) {
  auto bytes = std::numeric_limits<std::uint64_t>::max();
  if (memory.total != 0) bytes = memory.total / 16;
  if (memory.limit != 0) bytes = std::min(bytes, memory.limit / 2);
  return bytes;
}

std::uint32_t automatic_maximum(const Memory& memory) {
  const auto bytes = budget(memory);
  std::uint32_t mappings = most;
  while (mappings > least && mappings * bytes_per_mapping > bytes) mappings /= 2;
  return mappings;
}

}  // namespace

MappingLimits mapping_limits(const Config& config, const Node& node) {
  const auto per_family = config.nat_max_mappings ? *config.nat_max_mappings : automatic_maximum(node.memory);
  return {.per_family = per_family,
          .per_pod = std::min(config.nat_max_mappings_per_pod.value_or(per_family / 4), per_family)};
}

}  // namespace masq
