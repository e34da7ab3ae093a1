// SPDX-License-Identifier: Apache-2.0
#include "agent/privileges.hpp"

#include <fmt/format.h>
#include <linux/capability.h>

#include <span>
#include <string>

#include "base/result.hpp"
#include "datapath/backends.hpp"
#include "os/capabilities.hpp"

namespace masq::agent {
namespace {

// CAP_BPF and CAP_PERFMON are parts of CAP_SYS_ADMIN, which some container runtimes give instead.
bool is_part_of_sys_admin(int capability) {
  return capability == CAP_BPF || capability == CAP_PERFMON;
}

}  // namespace

std::string missing_capabilities(std::span<const CapabilityNeed> needs, const os::Capabilities& effective) {
  std::string text;
  for (const auto& need : needs) {
    const bool replaced = is_part_of_sys_admin(need.capability) && effective.contains(CAP_SYS_ADMIN);
    if (!need.required || replaced || effective.contains(need.capability)) continue;
    text += fmt::format("{}{} is missing: it is needed to {}", text.empty() ? "" : "; ",
                        os::capability_name(need.capability), need.purpose);
  }
  return text;
}

os::Capabilities kept_capabilities(std::span<const CapabilityNeed> needs, const os::Capabilities& effective) {
  os::Capabilities kept;
  for (const auto& need : needs) {
    if (effective.contains(need.capability))
      kept.insert(need.capability);
    else if (is_part_of_sys_admin(need.capability) && effective.contains(CAP_SYS_ADMIN))
      kept.insert(CAP_SYS_ADMIN);
  }
  return kept;
}

Result<void> keep_capabilities(std::span<const CapabilityNeed> needs) {
  TRY(const auto effective, os::effective_capabilities());
  return os::keep_only(kept_capabilities(needs, effective));
}

Result<void> reduce_privileges(std::span<const CapabilityNeed> needs) {
  TRY_DO(os::forbid_new_privileges());
  return keep_capabilities(needs);
}

}  // namespace masq::agent
