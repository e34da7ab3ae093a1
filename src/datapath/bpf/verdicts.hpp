// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>

namespace masq::bpf {

// Returns false if a program on a tc hook ends the search for every packet: no instruction of it makes TCX_NEXT
// (TC_ACT_UNSPEC), -1, and no verdict of it comes from memory. Decision 0015.
bool may_pass_on(std::span<const bpf_insn> instructions);

// The same for a loaded program. Returns true if the kernel does not show its instructions: without CAP_PERFMON, or if
// the program is hardened against JIT spraying.
bool may_pass_on(std::uint32_t program_id);

}  // namespace masq::bpf
