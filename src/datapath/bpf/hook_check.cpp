// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/hook_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <expected>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/clsact.hpp"
#include "datapath/bpf/tcx.hpp"
#include "datapath/bpf/uplink_attachments.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"

namespace masq::bpf {
namespace {

Finding finding_before(const ExpectedProgram& expected, const ProgramBefore& before) {
  const auto place =
      fmt::format("{}: {} is before masq's program on {}", expected.device, before.text, to_string(expected.hook));
  if (is_name_of_masq(before.name))
    return {FindingKind::other_masq,
            fmt::format("{}, and hides packets from it: remove the pins of that masq, BPF-ROOT/masq", place)};
  if (before.passes_none)
    return {FindingKind::program_hides,
            fmt::format("{}, and ends every packet: masq sees none; remove it, or attach it later", place)};
  return {FindingKind::program_before,
          fmt::format("{}: packets that it ends do not reach masq; it must pass them on, or come later", place)};
}

void check_hook(const ExpectedProgram& expected, const HookPrograms& hook, std::vector<Finding>& findings) {
  if (!hook.has_program) {
    findings.push_back({FindingKind::drift, fmt::format("{}: masq's {} program was detached; masqd attaches it again",
                                                        expected.device, to_string(expected.hook))});
    return;
  }
  for (const auto& before : hook.before) findings.push_back(finding_before(expected, before));
}

}  // namespace

Result<std::vector<ExpectedProgram>> expected_programs(const Desired& desired, const std::vector<SideDevice>& bridges,
                                                       const UplinkAttachments::Programs& loaded) {
  std::vector<ExpectedProgram> expected;
  const auto add = [&](const auto& device, Hook hook, int program) -> Result<void> {
    TRY(const auto id, program_id(program));
    expected.push_back({.ifindex = device.ifindex, .device = device.name, .hook = hook, .program = id});
    return {};
  };
  for (const auto& uplink : desired.uplinks)
    for (const Hook hook : {Hook::ingress, Hook::egress}) TRY_DO(add(uplink, hook, loaded.of(hook, uplink.ethernet)));
  for (const auto& device : desired.inbound)
    TRY_DO(add(device, Hook::ingress, loaded.of(Hook::ingress, device.ethernet)));
  for (const auto& bridge : bridges) TRY_DO(add(bridge, Hook::ingress, loaded.bridge));
  return expected;
}

// A device that was removed has no hook: the sources report it.
std::vector<Finding> check_hooks(const std::vector<ExpectedProgram>& expected, AttachMode mode) {
  std::vector<Finding> findings;
  for (const auto& one : expected) {
    const auto hook = mode == AttachMode::tcx ? programs_on_tcx(one.ifindex, one.hook, one.program)
                                              : programs_on_clsact(one.ifindex, one.hook, one.program);
    if (!hook)
      findings.push_back({FindingKind::drift, fmt::format("{}: {}", one.device, hook.error().message)});
    else if (*hook)
      check_hook(one, **hook, findings);
  }
  return findings;
}

}  // namespace masq::bpf
