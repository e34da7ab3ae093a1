// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"

struct bpf_object;

namespace masq {

// What the descriptor of a pinned object is of.
bool is_bpf_map(int fd);
bool is_bpf_link(int fd);

// Whether everything that is pinned where `object` will pin its maps is such a map; the error names what is not. Its
// sizes are set already.
Result<void> check_pins(const bpf_object& object, const Pins& pins);

}  // namespace masq
