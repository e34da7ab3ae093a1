// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/verdicts.hpp"

#include <linux/bpf.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <unordered_map>

#include "datapath/bpf/inspection.hpp"

namespace masq::bpf {
namespace {

constexpr std::int32_t next = -1;  // TCX_NEXT

bool makes_next(const bpf_insn& instruction) {
  const auto operation = instruction.code & ~0x07;
  const auto instruction_class = BPF_CLASS(instruction.code);
  const bool is_move =
      (instruction_class == BPF_ALU || instruction_class == BPF_ALU64) && operation == (BPF_MOV | BPF_K);
  const bool is_wide_load = instruction.code == (BPF_LD | BPF_DW | BPF_IMM);
  return (is_move || is_wide_load) && instruction.imm == next;
}

bool writes_result(const bpf_insn& instruction) {
  switch (BPF_CLASS(instruction.code)) {
    case BPF_ALU:
    case BPF_ALU64:
    case BPF_LD:
    case BPF_LDX:
      return instruction.dst_reg == BPF_REG_0;
    default:
      return instruction.code == (BPF_JMP | BPF_CALL);
  }
}

// The last write of the result before an exit, in the order of the text, is a load.
bool has_verdict_from_memory(std::span<const bpf_insn> instructions) {
  for (std::size_t at = 0; at < instructions.size(); ++at) {
    if (instructions[at].code != (BPF_JMP | BPF_EXIT)) continue;
    const auto before = instructions.first(at);
    const auto write = std::find_if(before.rbegin(), before.rend(), writes_result);
    if (write != before.rend() && BPF_CLASS(write->code) == BPF_LDX) return true;
  }
  return false;
}

}  // namespace

bool may_pass_on(std::span<const bpf_insn> instructions) {
  return instructions.empty() || std::ranges::any_of(instructions, makes_next) || has_verdict_from_memory(instructions);
}

// The hooks are read every second, but a loaded program never changes, and the kernel does not use its id soon again.
const ProgramOnHook& program_on_hook(std::uint32_t id) {
  constexpr std::size_t most_known = 1024;
  static std::unordered_map<std::uint32_t, ProgramOnHook> known;
  if (const auto found = known.find(id); found != known.end()) return found->second;
  if (known.size() >= most_known) known.clear();
  const auto program = read_program(id).value_or(LoadedProgram());
  return known[id] = {.name = program.name, .may_pass_on = may_pass_on(program.instructions)};
}

}  // namespace masq::bpf
