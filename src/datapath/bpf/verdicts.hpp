// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <string>

namespace masq::bpf {

// Returns false if a program on a tc hook ends the search for every packet: no instruction of it makes TCX_NEXT
// (TC_ACT_UNSPEC), -1, and no verdict of it comes from memory. Decision 0015.
bool may_pass_on(std::span<const bpf_insn> instructions);

// A program of another process.
struct ProgramOnHook {
  std::string name;         // empty: unknown
  bool may_pass_on = true;  // also if the kernel does not show its instructions: it is hardened against JIT spraying
};
const ProgramOnHook& program_on_hook(std::uint32_t id);

}  // namespace masq::bpf
