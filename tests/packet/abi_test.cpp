// SPDX-License-Identifier: Apache-2.0
// bpf/abi.h, as user space compiled it, is what the objects say in their BTF and maps.
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "engine.hpp"
#include "masq_bpf.skel.h"

namespace masq::test {
namespace {

TEST(Abi, sizes_in_the_objects_btf) {
  const Engine engine(desired());
  const btf* types = bpf_object__btf(engine.program().skeleton()->obj);
  const std::pair<const char*, std::size_t> rows[] = {
      {"masq_tuple4", sizeof(masq_tuple4)},     {"masq_tuple6", sizeof(masq_tuple6)},
      {"masq_mapping4", sizeof(masq_mapping4)}, {"masq_mapping6", sizeof(masq_mapping6)},
      {"masq_uplink4", sizeof(masq_uplink4)},   {"masq_uplink6", sizeof(masq_uplink6)},
      {"masq_options4", sizeof(masq_options4)}, {"masq_options6", sizeof(masq_options6)},
      {"masq_bucket", sizeof(masq_bucket)},     {"masq_control", sizeof(masq_control)},
      {"masq_births", sizeof(masq_births)},     {"masq_held_index", sizeof(masq_held_index)},
  };
  for (const auto& [name, size] : rows) {
    const int id = btf__find_by_name_kind(types, name, BTF_KIND_STRUCT);
    ASSERT_GT(id, 0) << name;
    EXPECT_EQ(static_cast<std::size_t>(btf__resolve_size(types, static_cast<std::uint32_t>(id))), size) << name;
  }
}

TEST(Abi, no_program_prints_to_the_trace_pipe) {
  const Engine engine(desired());
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, engine.program().skeleton()->obj) {
    const bpf_insn* instructions = bpf_program__insns(program);
    for (std::size_t i = 0; i < bpf_program__insn_cnt(program); ++i)
      EXPECT_FALSE(instructions[i].code == (BPF_JMP | BPF_CALL) && instructions[i].src_reg == 0 &&
                   instructions[i].imm == BPF_FUNC_trace_printk);
  }
}

}  // namespace
}  // namespace masq::test
