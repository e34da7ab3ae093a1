// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "cli/command.hpp"
#include "datapath/event_source.hpp"

namespace masq::cli {

// Implements CommandContext::follow_events until a signal arrives or the reader of standard output closes it: with the
// events of the masqd at `socket`, or those of the kernel if there is none.
Result<void> follow_events(const std::filesystem::path& socket, const std::filesystem::path& bpf_root,
                           const EventTypes& types, const EventListener& listener);

}  // namespace masq::cli
