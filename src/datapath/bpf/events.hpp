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

std::span<const char* const> bpf_event_types();  // the words that Event::type may be

// An event in our words. `boot` is the moment of the calendar's clock at which CLOCK_BOOTTIME began.
Event to_event(const masq_event& raw, std::chrono::system_clock::time_point boot);

// The events of the programs in the kernel, as they happen. There is one watcher at a time: a ring is emptied by the
// one who reads it.
class BpfEvents {
 public:
  // `types`: the words wanted; empty: all. Nothing is written before renew() is called.
  static Result<std::unique_ptr<BpfEvents>> open(const std::filesystem::path& bpf_root,
                                                 const std::vector<std::string>& types);
  virtual ~BpfEvents() = default;

  virtual int fd() const = 0;  // readable when there is something to take
  // Calls `visit` for each event that is there.
  virtual void take(const std::function<void(const Event&)>& visit) = 0;
  // The programs write for two seconds from now: to be called once a second. Returns how many events were lost since
  // the last call, because there were too many.
  virtual std::uint64_t renew() = 0;
};

}  // namespace masq
