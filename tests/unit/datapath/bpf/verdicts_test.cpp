// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/verdicts.hpp"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <vector>

namespace masq::bpf {
namespace {

constexpr bpf_insn leave{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};

bpf_insn insn(std::uint8_t code, std::uint8_t to, std::int32_t value) {
  return {.code = code, .dst_reg = static_cast<std::uint8_t>(to & 0xf), .src_reg = 0, .off = 0, .imm = value};
}
bpf_insn set(std::int32_t verdict) {
  return insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, verdict);
}

bool passes(const std::vector<bpf_insn>& instructions) {
  return may_pass_on(std::span<const bpf_insn>(instructions));
}

TEST(Verdicts, AProgramWithoutTheNextVerdictPassesNone) {
  EXPECT_FALSE(passes({set(0), leave}));
  EXPECT_FALSE(passes({set(2), leave, set(0), leave}));
  EXPECT_FALSE(passes({insn(BPF_JMP | BPF_CALL, 0, BPF_FUNC_redirect), leave})) << "it returns the helper's verdict";
}

TEST(Verdicts, AProgramMayPassOn) {
  EXPECT_TRUE(passes({set(-1), leave}));
  EXPECT_TRUE(passes({set(0), leave, set(-1), leave})) << "for some packets";
  EXPECT_TRUE(
      passes({insn(BPF_ALU | BPF_MOV | BPF_K, BPF_REG_6, -1), insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_0, 0), leave}))
      << "the verdict was kept in another register";
  EXPECT_TRUE(passes({insn(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, 0), leave})) << "a map may have it";
  EXPECT_TRUE(passes({})) << "the kernel shows none";
}

}  // namespace
}  // namespace masq::bpf
