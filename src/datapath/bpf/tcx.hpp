// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq {

enum class Hook : std::uint8_t { ingress, egress };
constexpr const char* to_string(Hook hook) {
  return hook == Hook::ingress ? "ingress" : "egress";
}

// tcx links (Linux 6.6): pinned, so that the program stays attached without the agent.
struct TcxLink {
  Fd fd;
  int ifindex = 0;  // 0: its device is gone
  std::uint32_t program_id = 0;
};

// The link pinned at `pin`; no value when nothing is pinned there. Not a tcx link: an error.
Result<std::optional<TcxLink>> open_tcx(const std::filesystem::path& pin);

// Attaches and pins. The error says whether the kernel has no tcx at all: see is_unsupported().
Result<TcxLink> attach_tcx(int program, int ifindex, Hook hook, const std::filesystem::path& pin);

// Puts another program behind a link; no packet passes by.
Result<void> update_tcx(const TcxLink& link, int program);

// Whether this kernel has tcx: asked with a device that cannot exist.
bool kernel_has_tcx(int program);

// The id of a loaded program.
Result<std::uint32_t> program_id(int program);

}  // namespace masq
