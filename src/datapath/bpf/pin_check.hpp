// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.hpp"

struct bpf_map;

namespace masq::bpf {

// Return true if the descriptor of a pinned object has this kind.
bool is_bpf_map(int fd);
bool is_bpf_link(int fd);

// Returns true if both are descriptors of one map.
bool is_same_map(int a, int b);

// Returns true if a map is pinned at `path`, and false if nothing is. Any other object there is an error, a map of
// another kind or size too.
Result<bool> check_pin(const bpf_map& map, const std::filesystem::path& path);

}  // namespace masq::bpf
