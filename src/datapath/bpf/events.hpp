// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "base/result.hpp"
#include "bpf/abi/event.h"
#include "datapath/event.hpp"
#include "datapath/event_source.hpp"

namespace masq::bpf {

// Converts a raw event. `boot` is the wall-clock time at which CLOCK_BOOTTIME began.
Event to_event(const masq_event& raw, std::chrono::system_clock::time_point boot);

// Opens the ring that the programs write. Only one reader at a time is possible, because reading empties the ring.
// Without a renew() the programs write nothing.
Result<std::unique_ptr<EventSource>> open_events(const std::filesystem::path& bpf_root);

}  // namespace masq::bpf
