// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "datapath/bpf/tcx.hpp"

namespace masq::bpf {

// Filters on the clsact qdisc, for kernels without tcx. A missing qdisc is created, and never deleted, because other
// programs may use it. The place and the name of its program identify masq's filter.

// Returns the id of masq's program on this hook, or nullopt if there is none.
Result<std::optional<std::uint32_t>> query_clsact(int ifindex, Hook hook);

// Reads the filters of the hook, with masq's program `program`. Returns nullopt if the device was removed.
Result<std::optional<HookPrograms>> programs_on_clsact(int ifindex, Hook hook, std::uint32_t program);

// Attaches the program, or replaces masq's program without a gap.
Result<void> attach_clsact(int program, int ifindex, Hook hook);

// Removes masq's filter; other filters are not changed.
Result<void> detach_clsact(int ifindex, Hook hook);

}  // namespace masq::bpf
