// SPDX-License-Identifier: Apache-2.0
// Each program's distance from the verifier's limits, as a table: a million instructions (a quarter of it here, as
// other kernels explore more states) and 512 bytes of stack for a chain of calls.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine.hpp"
#include "masq_bpf.skel.h"

namespace masq::bpf::test {
namespace {

constexpr std::uint32_t statistics = 4;  // BPF_LOG_STATS
constexpr unsigned most_instructions = 250'000;
constexpr unsigned most_stack = 512;  // MAX_BPF_STACK
constexpr unsigned frame_unit = 32;   // the verifier rounds each frame up to it

struct Figures {
  unsigned instructions = 0;  // that the verifier processed
  unsigned stack = 0;         // bytes of the max_depth chain of calls
};

struct Destroy {
  void operator()(masq_bpf* skeleton) const { masq_bpf::destroy(skeleton); }
};

// The bytes of stack of each function, in the order of the program: "stack depth 96+0+160".
std::vector<unsigned> frames(const std::string& log) {
  constexpr std::string_view label = "stack depth ";
  const auto at = log.find(label);
  if (at == std::string::npos) throw std::runtime_error("no stack depth in the verifier's log: " + log);
  std::istringstream text(log.substr(at + label.size(), log.find('\n', at) - at - label.size()));
  std::vector<unsigned> sizes;
  for (std::string size; std::getline(text, size, '+');) sizes.push_back(static_cast<unsigned>(std::stoul(size)));
  return sizes;
}

unsigned processed(const std::string& log) {
  constexpr std::string_view label = "processed ";
  const auto at = log.rfind(label);
  if (at == std::string::npos) throw std::runtime_error("no count of instructions in the verifier's log: " + log);
  return static_cast<unsigned>(std::stoul(log.substr(at + label.size())));
}

// A loaded program as the kernel has it, and where its functions begin.
struct Text {
  std::vector<bpf_insn> instructions;
  std::vector<std::size_t> functions;

  std::size_t function_at(std::size_t instruction) const {
    return static_cast<std::size_t>(std::ranges::upper_bound(functions, instruction) - functions.begin()) - 1;
  }
};

Text read_text(int program) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(program, &info, &size) != 0) throw std::runtime_error("bpf_prog_info");
  Text text{.instructions = std::vector<bpf_insn>(info.xlated_prog_len / sizeof(bpf_insn)), .functions = {}};
  std::vector<std::byte> records(std::size_t{info.nr_func_info} * info.func_info_rec_size);
  bpf_prog_info wanted{};
  wanted.xlated_prog_len = info.xlated_prog_len;
  wanted.xlated_prog_insns = reinterpret_cast<std::uintptr_t>(text.instructions.data());
  wanted.nr_func_info = info.nr_func_info;
  wanted.func_info_rec_size = info.func_info_rec_size;
  wanted.func_info = reinterpret_cast<std::uintptr_t>(records.data());
  if (bpf_obj_get_info_by_fd(program, &wanted, &size) != 0 || wanted.xlated_prog_insns == 0)
    throw std::runtime_error("instructions of a program");
  for (std::size_t i = 0; i < info.nr_func_info; ++i) {
    std::uint32_t begin = 0;  // the first member of bpf_func_info
    std::memcpy(&begin, records.data() + i * info.func_info_rec_size, sizeof begin);
    text.functions.push_back(begin);
  }
  return text;
}

// The functions that each function calls, or gives to the kernel to be called.
std::vector<std::vector<std::size_t>> calls(const Text& text) {
  std::vector<std::vector<std::size_t>> callees(text.functions.size());
  for (std::size_t i = 0; i < text.instructions.size(); ++i) {
    const bpf_insn& instruction = text.instructions[i];
    std::int64_t distance = 0;
    if (instruction.code == (BPF_JMP | BPF_CALL) && instruction.src_reg == BPF_PSEUDO_CALL)
      distance = instruction.off;
    else if (instruction.code == (BPF_LD | BPF_IMM | BPF_DW) && instruction.src_reg == BPF_PSEUDO_FUNC)
      distance = instruction.imm;
    else
      continue;
    callees[text.function_at(i)].push_back(
        text.function_at(static_cast<std::size_t>(static_cast<std::int64_t>(i) + distance + 1)));
  }
  return callees;
}

unsigned max_depth(std::size_t function, const std::vector<std::vector<std::size_t>>& callees,
                   const std::vector<unsigned>& sizes) {
  unsigned below = 0;
  for (const auto callee : callees.at(function)) below = std::max(below, max_depth(callee, callees, sizes));
  return below + std::max(1u, (sizes.at(function) + frame_unit - 1) / frame_unit) * frame_unit;
}

Figures figures(const bpf_program* program, const std::string& log) {
  return {.instructions = processed(log),
          .stack = max_depth(0, calls(read_text(bpf_program__fd(program))), frames(log))};
}

TEST(Verifier, EveryProgramIsFarFromItsLimits) {
  auto with_every_class = desired();
  with_every_class.kept_ports = {{.low = 1, .high = 1023}};
  const Engine engine(with_every_class);
  const std::unique_ptr<masq_bpf, Destroy> skeleton(masq_bpf::open());
  ASSERT_TRUE(skeleton);
  skeleton->rodata->options4 = engine.program().options().ipv4;
  skeleton->rodata->options6 = engine.program().options().ipv6;
  skeleton->rodata->enable_ipv4 = skeleton->rodata->enable_ipv6 = true;
  std::vector<std::pair<bpf_program*, std::string>> programs;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) programs.emplace_back(program, std::string(1 << 16, '\0'));
  for (auto& [each, log] : programs) {
    ASSERT_EQ(0, bpf_program__set_log_buf(each, log.data(), log.size()));
    ASSERT_EQ(0, bpf_program__set_log_level(each, statistics));
  }
  ASSERT_EQ(0, masq_bpf::load(skeleton.get()));
  std::printf("%-24s %22s %22s\n", "BPF program", "verifier instructions", "bytes of stack");
  for (const auto& [each, log] : programs) {
    const auto [instructions, stack] = figures(each, log.c_str());
    std::printf("%-24s %9u of %9u %13u of %5u\n", bpf_program__name(each), instructions, most_instructions, stack,
                most_stack);
    EXPECT_LE(instructions, most_instructions) << bpf_program__name(each);
    EXPECT_LE(stack, most_stack) << bpf_program__name(each);
  }
}

}  // namespace
}  // namespace masq::bpf::test
