// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"
#include "os/timers.hpp"

struct nlmsghdr;

namespace masq::nftables {

// Finds lost events: the kernel counts the generations of the ruleset, and each event has the number of its generation.
class GenerationCheck {
 public:
  void note_event(std::uint32_t generation) { seen_ = generation; }
  // `current`: the kernel's generation now, which may have an event that is still on its way. Returns true if the one
  // of the last call has no event yet.
  bool misses_event(std::uint32_t current);

 private:
  std::optional<std::uint32_t> seen_;
  std::optional<std::uint32_t> expected_;
};

// Reports that another process changed or removed nftables tables of these names (family inet). Changes of this process
// are not reported, nor are those of the programs in run(). The generation of the ruleset is read every second: a lost
// event counts as a change.
class TableMonitor {
 public:
  static Result<std::unique_ptr<TableMonitor>> open(os::EventLoop& loop, std::vector<std::string> tables,
                                                    std::function<void()> changed);

  // Calls `transaction`. If it succeeds, a program has changed the tables in one transaction, whose event is not
  // reported.
  Result<void> run(const std::function<Result<void>()>& transaction);

  // Time at which the generation was last read; nullopt: never.
  std::optional<os::Timers::Clock::time_point> checked_at() const { return checked_at_; }

 private:
  TableMonitor(os::EventLoop& loop, os::Fd fd, std::vector<std::string> tables, std::function<void()> changed)
      : fd_(std::move(fd)), tables_(std::move(tables)), changed_(std::move(changed)), timers_(loop), check_(loop) {}
  void drain();
  bool take(const nlmsghdr& message);
  void check_generation();

  os::Fd fd_;
  std::vector<std::string> tables_;
  std::function<void()> changed_;
  bool touched_ = false;      // by the current transaction
  int own_transactions_ = 0;  // of programs, whose events are expected
  os::EventLoop::Watch watch_;
  const os::Timers& timers_;
  os::Timer check_;
  GenerationCheck generations_;
  std::optional<os::Timers::Clock::time_point> checked_at_;
};

}  // namespace masq::nftables
