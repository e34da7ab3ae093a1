// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "datapath/bpf/tcx.hpp"

namespace masq {

// Filters on the clsact qdisc, for kernels without tcx. The qdisc is made when it is missing and never deleted: it
// may have other users by then. Our filters are known by their place and by their program's name.

// The id of our program on this hook; no value when there is none.
Result<std::optional<std::uint32_t>> query_clsact(int ifindex, Hook hook);

// Attaches, or replaces our program without a gap.
Result<void> attach_clsact(int program, int ifindex, Hook hook);

// Takes our filter away; nothing of others is touched.
Result<void> detach_clsact(int ifindex, Hook hook);

}  // namespace masq
