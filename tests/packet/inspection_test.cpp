// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/inspection.hpp"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/bpf/tcx.hpp"
#include "datapath/bpf/verdicts.hpp"
#include "model/desired.hpp"
#include "os/capabilities.hpp"
#include "os/child_task.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq::bpf::test {
namespace {

// Returns the text of `work` in a process with the capabilities that a started masqd has.
std::string as_masqd(const std::function<std::string()>& work) {
  const auto loop = os::EventLoop::open().value();
  std::optional<Result<std::string>> end;
  const auto limited = [&] {
    const auto kept = os::keep_only({CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON});
    return kept ? work() : kept.error().message;
  };
  const auto task = os::ChildTask::start(*loop, limited, std::chrono::seconds(20),
                                         [&](Result<std::string> result, auto /*cpu*/) { end = std::move(result); });
  while (!end) (void)loop->run_once(std::chrono::seconds(1));
  return *end ? end->value() : end->error().message;
}

std::string described(std::uint32_t id) {
  const auto program = read_program(id);
  if (!program) return program.error().message;
  return program->name + " " + std::to_string(program->instructions.size()) + " " +
         (may_pass_on(program->instructions) ? "may pass on" : "ends all");
}

std::uint32_t id_of(const os::Fd& program) {
  return program_id(program.get()).value();
}

os::Fd load(std::int32_t verdict) {
  const bpf_insn instructions[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = verdict},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  return os::Fd(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "small", "GPL", instructions, 2, nullptr));
}

TEST(Inspection, ReadsAProgramWithTheCapabilitiesOfMasqd) {
  const auto ends = load(0), passes = load(-1);
  for (const auto* program : {&ends, &passes}) {
    const auto id = id_of(*program);  // the process has no descriptor of this one
    const auto expected = described(id);
    EXPECT_EQ(expected, program == &ends ? "small 2 ends all" : "small 2 may pass on");
    EXPECT_EQ(as_masqd([&] { return described(id); }), expected);
  }
}

// Its instructions do not fit into one part.
TEST(Inspection, ReadsALongProgram) {
  Desired smallest;
  smallest.max_mappings = 16;
  smallest.ports = {{.low = 1024, .high = 1024}};
  const auto program = Program::load_unpinned(smallest).value();
  const auto id = program_id(program.egress()).value();
  EXPECT_GT(read_program(id).value().instructions.size(), 1024u);
  EXPECT_EQ(as_masqd([&] { return described(id); }), described(id));
}

TEST(Inspection, ReadsTheTypesOfAMap) {
  Desired smallest;
  smallest.max_mappings = 16;
  smallest.ports = {{.low = 1024, .high = 1024}};
  const auto program = Program::load_unpinned(smallest).value();
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  ASSERT_EQ(bpf_obj_get_info_by_fd(program.map("mappings4"), &info, &size), 0);
  const auto expected = read_btf(info.btf_id).value();
  EXPECT_GT(expected.size(), 8192u);
  EXPECT_EQ(as_masqd([&] {
              const auto found = read_btf(info.btf_id);
              return !found ? found.error().message : *found == expected ? "the same" : "others";
            }),
            "the same");
}

TEST(Inspection, ReportsAnIdThatIsNotUsed) {
  constexpr std::uint32_t unused = 0x7fffffff;
  EXPECT_FALSE(read_program(unused));
  EXPECT_EQ(as_masqd([] { return read_btf(unused) ? "found" : "none"; }), "none");
  EXPECT_EQ(as_masqd([] { return read_program(unused) ? "found" : "none"; }), "none");
}

}  // namespace
}  // namespace masq::bpf::test
