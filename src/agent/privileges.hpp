// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "base/result.hpp"
#include "datapath/backends.hpp"
#include "os/capabilities.hpp"

namespace masq::agent {

// Returns the missing ones in one line, with the purpose of each: "CAP_BPF is missing: …; CAP_PERFMON is missing: …".
// Empty: none.
std::string missing_capabilities(std::span<const CapabilityNeed> needs, const os::Capabilities& effective);

// Returns the capabilities that a running masqd keeps of `effective`.
os::Capabilities kept_capabilities(std::span<const CapabilityNeed> needs, const os::Capabilities& effective);

// Gives up all others, for good.
Result<void> keep_capabilities(std::span<const CapabilityNeed> needs);

// Gives up what a started masqd does not need: capabilities and new privileges. Decision 0019.
Result<void> reduce_privileges(std::span<const CapabilityNeed> needs);

}  // namespace masq::agent
