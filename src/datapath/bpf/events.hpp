// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bpf/abi/event.h"
#include "datapath/event.hpp"

namespace masq {

std::span<const char* const> bpf_event_types();  // the possible values of Event::type

// Converts a raw event. `boot` is the wall-clock time at which CLOCK_BOOTTIME began.
Event to_event(const masq_event& raw, std::chrono::system_clock::time_point boot);

// Live events of the programs in the kernel. Only one reader at a time is possible, because reading empties the ring.
class BpfEvents {
 public:
  // `types`: the accepted types; empty: all. The programs write nothing before renew() is called.
  static Result<std::unique_ptr<BpfEvents>> open(const std::filesystem::path& bpf_root,
                                                 const std::vector<std::string>& types);
  virtual ~BpfEvents() = default;

  virtual int fd() const = 0;  // readable when events are available
  // Calls `visit` for each available event.
  virtual void take(const std::function<void(const Event&)>& visit) = 0;
  // Makes the programs write events for two more seconds; call it once a second. Returns the number of events that were
  // not recorded since the last call.
  virtual std::uint64_t renew() = 0;
};

}  // namespace masq
