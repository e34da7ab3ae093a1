// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"

struct bpf_object;

namespace masq::bpf {

// Return true if the descriptor of a pinned object has this kind.
bool is_bpf_map(int fd);
bool is_bpf_link(int fd);

// Returns true if both are descriptors of one map.
bool is_same_map(int a, int b);

// Checks that every object at the pin paths of `object` is such a map; the error names the first other object. The
// sizes must be set before.
Result<void> check_pins(const bpf_object& object, const Pins& pins);

}  // namespace masq::bpf
