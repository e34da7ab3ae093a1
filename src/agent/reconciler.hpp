// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "agent/lifecycle/lost_addresses.hpp"
#include "agent/sources/facts.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// Keeps the kernel equal to the desired state, which follows from the configuration and the node's facts.
// Level-triggered: redundant requests do no harm, and the next resync finds changes without a request.
class Reconciler {
 public:
  using Clock = os::Timers::Clock;

  // Delays that apply every change within a second.
  struct Pace {
    Clock::duration quiet = std::chrono::milliseconds(50);       // a burst of events ends after this silence
    Clock::duration max_delay = std::chrono::milliseconds(250);  // maximum delay of a burst
    Clock::duration repair_interval =
        std::chrono::milliseconds(50);  // between two repairs, in case another process keeps changing the rules
    Clock::duration resync = std::chrono::seconds(30);
    Clock::duration first_retry = std::chrono::milliseconds(500);
    Clock::duration max_retry_delay = std::chrono::seconds(30);
  };

  struct State {
    std::optional<Desired> applied;             // the last state that was applied without an error
    std::string decide_error;                   // the fact that is missing
    std::uint64_t attempts = 0;                 // attempts to apply
    std::uint64_t failures = 0;                 // failed attempts
    std::optional<Clock::time_point> tried_at;  // time of the last attempt
    Clock::duration duration{};
    Steps steps;        // of the last attempt that changed something
    std::string error;  // of the last attempt; empty: it succeeded
  };

  Reconciler(os::Timers& timers, Facts& facts, Datapath& datapath, spdlog::logger& log, Config config)
      : Reconciler(timers, facts, datapath, log, std::move(config), Pace()) {}
  Reconciler(os::Timers& timers, Facts& facts, Datapath& datapath, spdlog::logger& log, Config config, Pace pace);

  // Applies as soon as possible, and maintains the state from then on.
  void start();
  void request_reconcile();
  // Repairs at once after another process changed masq's objects in the kernel.
  void request_repair();
  void configure(Config config);
  // Connections of an earlier process may have these external addresses.
  void remember(const std::vector<Address>& externals) { lost_addresses_.remember(externals); }
  // `handler` runs at the end of each pass, also of one that failed or changed nothing.
  void on_pass(std::function<void()> handler) { passed_ = std::move(handler); }
  const State& state() const { return state_; }

 private:
  enum class Force : std::uint8_t { if_different, always };

  void reconcile(Force force);
  void update(Force force);
  void resync();
  std::optional<Desired> find_desired();
  void complete_addresses(Desired& desired, const Node& node);
  void apply(const Desired& desired);
  void succeed(const Desired& desired, Steps steps);
  void log_new(const std::vector<Finding>& findings);
  void retry_later(const Error& error);

  os::Timers& timers_;
  Facts& facts_;
  Datapath& datapath_;
  spdlog::logger& log_;
  Config config_;
  Pace pace_;
  State state_;
  std::optional<Clock::time_point> burst_since_;
  std::optional<Clock::time_point> repaired_at_;
  Clock::duration retry_delay_;
  os::Timer burst_timer_;
  os::Timer retry_timer_;
  os::Timer repair_timer_;
  os::Timer resync_timer_;
  LostAddresses lost_addresses_;
  os::Timer lost_address_timer_;
  os::Timer continue_timer_;
  std::function<void()> passed_ = [] {};
  bool unfinished_ = false;  // the last apply() requested a continuation
};

}  // namespace masq::agent
