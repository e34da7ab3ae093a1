// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/command.hpp"

namespace masq {

// Implements CommandContext::follow_events on the pinned ring, until a signal arrives or the reader of standard output
// closes it.
Result<void> follow_pinned_events(const std::filesystem::path& bpf_root, const std::vector<std::string>& types,
                                  const EventListener& listener);

}  // namespace masq
