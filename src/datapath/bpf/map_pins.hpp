// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"

struct bpf_object;

namespace masq::bpf {

// The tables that get new maps although maps of them may be pinned.
struct ReplacedTables {
  bool ipv4 = false;
  bool ipv6 = false;
};

// Before the load: lets the object use the maps that are pinned, except those of replaced tables. The sizes must be set
// before. An error names the first pin that is no such map.
Result<void> reuse_pinned_maps(const bpf_object& object, const Pins& pins, const ReplacedTables& replaced);

// After the load: pins the maps that the load has created, and removes the pins that they replace. Every map exists
// then: a map that cannot be created, for want of memory, leaves the pins as they were.
Result<void> pin_created_maps(const bpf_object& object, const Pins& pins);

// Where the maps of the object are pinned.
std::vector<std::filesystem::path> pins_of_maps(const bpf_object& object, const Pins& pins);

}  // namespace masq::bpf
