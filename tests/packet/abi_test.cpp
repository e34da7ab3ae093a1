// SPDX-License-Identifier: Apache-2.0
// bpf/abi/, as user space compiled it, is what the objects say in their BTF and maps.
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "bpf/abi/event.h"
#include "bpf/abi/fragment.h"
#include "bpf/abi/mapping.h"
#include "bpf/abi/options.h"
#include "bpf/abi/policy.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/btf_layout.hpp"
#include "engine.hpp"
#include "masq_bpf.skel.h"

namespace masq::bpf::test {
namespace {

TEST(Abi, StructSizesMatchTheBtfOfTheObject) {
  const Engine engine(desired());
  const btf* types = bpf_object__btf(engine.program().skeleton()->obj);
  const std::pair<const char*, std::size_t> rows[] = {
      {"masq_tuple4", sizeof(masq_tuple4)},     {"masq_tuple6", sizeof(masq_tuple6)},
      {"masq_mapping4", sizeof(masq_mapping4)}, {"masq_mapping6", sizeof(masq_mapping6)},
      {"masq_uplink4", sizeof(masq_uplink4)},   {"masq_uplink6", sizeof(masq_uplink6)},
      {"masq_options4", sizeof(masq_options4)}, {"masq_options6", sizeof(masq_options6)},
      {"masq_bucket", sizeof(masq_bucket)},     {"masq_control", sizeof(masq_control)},
      {"masq_births", sizeof(masq_births)},     {"masq_held_index", sizeof(masq_held_index)},
      {"masq_monitor", sizeof(masq_monitor)},
  };
  for (const auto& [name, size] : rows) {
    const int id = btf__find_by_name_kind(types, name, BTF_KIND_STRUCT);
    ASSERT_GT(id, 0) << name;
    EXPECT_EQ(static_cast<std::size_t>(btf__resolve_size(types, static_cast<std::uint32_t>(id))), size) << name;
  }
}

// Whoever changes one of these lines changes MASQ_SCHEMA, and the number here: this version would take the pinned maps
// of the last one for its own (docs/decisions/0007). A new field in what was reserved, zero in old mappings, may be
// added.
TEST(Abi, TheLayoutOfSchema4IsFixed) {
  static_assert(MASQ_SCHEMA == 4);
  static_assert(MASQ_REASON_TRANSLATED == 0 && MASQ_REASON_INBOUND_CONNECTION == 4 && MASQ_REASON_OWN_ADDRESS == 9);
  static_assert(MASQ_COUNTER_COUNT == 128 && sizeof(masq_control) == 64 && sizeof(masq_births) == 184 &&
                sizeof(masq_uplink4) == 68);
  const std::map<std::string, BtfLayout::Field> expected = {
      {"flow.src", {0, 4}},   {"flow.dst", {4, 4}},       {"flow.sport", {8, 2}}, {"flow.dport", {10, 2}},
      {"flow.kind", {13, 1}}, {"flow.protocol", {12, 1}}, {"external", {16, 4}},  {"external_port", {20, 2}},
      {"reason", {22, 1}},    {"state", {23, 1}},         {"seen", {24, 4}},      {"created", {28, 4}},
      {"pod_ack", {32, 4}},   {"pod_seq", {36, 4}},       {"slot", {48, 1}},      {"flags", {49, 1}},
      {"order", {50, 1}},     {"pod_timestamp", {40, 4}}, {"datagrams", {40, 4}}, {"account", {44, 4}},
      {"share", {51, 1}},
  };
  const Engine engine(desired());
  const auto type = BtfLayout::of_map(engine.program().map("mappings4"));
  ASSERT_TRUE(type);
  for (const auto& [name, field] : expected) {
    ASSERT_TRUE(type->fields.contains(name)) << name;
    EXPECT_EQ(type->fields.at(name), field) << name;
  }
}

// A pinned table says what its numbers mean: without these names another version cannot read it.
TEST(Abi, TheMapsNameTheEnumerationsThatTheyUse) {
  const Engine engine(desired());
  for (const char* map : {"mappings4", "mappings6", "control4", "control6"}) {
    const auto type = BtfLayout::of_map(engine.program().map(map));
    ASSERT_TRUE(type) << map;
    for (const char* enumeration :
         {"masq_time", "masq_reason", "masq_state", "masq_slot", "masq_flag", "masq_kind", "masq_order", "masq_share"})
      EXPECT_TRUE(type->enumerations.contains(enumeration)) << map << " " << enumeration;
    EXPECT_EQ(type->enumerations.at("masq_reason").at("MASQ_REASON_COUNT"), MASQ_REASON_COUNT);
    EXPECT_EQ(type->enumerations.at("masq_time").at("MASQ_TICK_SHIFT"), MASQ_TICK_SHIFT);
  }
}

TEST(Abi, NoProgramPrintsToTheTracePipe) {
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
}  // namespace masq::bpf::test
