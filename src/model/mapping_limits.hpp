// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/config.hpp"
#include "model/node.hpp"

namespace masq {

// For how many mappings a table of the datapath bpf has room.
struct MappingLimits {
  std::uint32_t per_family = 0;
  std::uint32_t per_pod = 0;
  bool operator==(const MappingLimits&) const = default;
};

// nat-max-mappings and nat-max-mappings-per-pod. With auto: the largest power of two, up to 524,288, with which the
// tables of both families have at most a sixteenth of the node's memory and at most half of masqd's memory limit; at
// least 16,384. Only powers of two, because a table in use keeps its size, and a node's memory differs a little from
// one start to the next.
MappingLimits mapping_limits(const Config& config, const Node& node);

}  // namespace masq
