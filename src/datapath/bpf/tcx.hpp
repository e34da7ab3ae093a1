// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq::bpf {

enum class Hook : std::uint8_t { ingress, egress };
constexpr const char* to_string(Hook hook) {
  return hook == Hook::ingress ? "ingress" : "egress";
}

// tcx links (Linux 6.6): pinned, so that the program stays attached without the agent.
struct TcxLink {
  os::Fd fd;
  int ifindex = 0;  // 0: its device was removed
  std::uint32_t program_id = 0;
};

// Returns the link that is pinned at `pin`, or nullopt if nothing is pinned there. Fails if it is no tcx link.
Result<std::optional<TcxLink>> open_tcx(const std::filesystem::path& pin);

// Attaches and pins. is_unsupported() tells from the error whether the kernel lacks tcx.
Result<TcxLink> attach_tcx(int program, int ifindex, Hook hook, const std::filesystem::path& pin);

// Replaces the program of a link without a gap.
Result<void> update_tcx(const TcxLink& link, int program);

// Returns true if this kernel has tcx. The probe uses a device that cannot exist.
bool kernel_has_tcx(int program);

// Returns the id of a loaded program.
Result<std::uint32_t> program_id(int program);

bool is_name_of_masq(std::string_view name);

// A program or filter that packets meet before masq's program.
struct ProgramBefore {
  std::string name;
  std::string text;          // "program 7 (name)"
  bool passes_none = false;  // no packet reaches the next one (verdicts.hpp)
};
struct HookPrograms {
  bool has_program = false;
  std::vector<ProgramBefore> before;  // in their order
};
// Reads the chain of a hook, with masq's program `program`. Returns nullopt if the device was removed.
Result<std::optional<HookPrograms>> programs_on_tcx(int ifindex, Hook hook, std::uint32_t program);

}  // namespace masq::bpf
