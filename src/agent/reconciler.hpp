// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/departures.hpp"
#include "agent/facts.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "os/timers.hpp"

namespace masq {

// Keeps the kernel equal to what the configuration and the node's facts make desirable. Level-triggered: being told
// twice, or of nothing, does no harm; what it was not told is found at the next resync.
class Reconciler {
 public:
  using Clock = Timers::Clock;

  // So that a change is in force within a second, whatever else happens meanwhile.
  struct Pace {
    Clock::duration quiet = std::chrono::milliseconds(50);      // a storm is over after so much silence
    Clock::duration patience = std::chrono::milliseconds(250);  // but it is not waited for longer than that
    Clock::duration repair = std::chrono::milliseconds(50);     // between two repairs, should somebody fight back
    Clock::duration resync = std::chrono::seconds(30);
    Clock::duration first_retry = std::chrono::milliseconds(500);
    Clock::duration longest_retry = std::chrono::seconds(30);
  };

  struct State {
    std::optional<Desired> in_force;  // the last that was applied without an error
    std::string undecided;            // why there is no newer one: a fact is missing or contradicts the options
    std::uint64_t attempts = 0;       // at applying
    std::uint64_t failures = 0;       // of them
    std::optional<Clock::time_point> tried_at;  // the last of them
    Clock::duration took{};
    Steps steps;        // of the last attempt that changed something
    std::string error;  // of the last attempt; empty: it went well
  };

  Reconciler(Timers& timers, Facts& facts, Datapath& datapath, spdlog::logger& log, Config config)
      : Reconciler(timers, facts, datapath, log, std::move(config), Pace()) {}
  Reconciler(Timers& timers, Facts& facts, Datapath& datapath, spdlog::logger& log, Config config, Pace pace);

  // Applies at once when it can, and from now on keeps doing so.
  void start();
  void look_again();
  // Somebody else changed what is ours in the kernel: at once.
  void repair();
  void configure(Config config);
  // There may be connections under these external addresses from before this process.
  void remember(const std::vector<Address>& externals) { departures_.remember(externals); }
  const State& state() const { return state_; }

 private:
  enum class Effort : std::uint8_t { when_different, always };

  void reconcile(Effort effort);
  void resync();
  std::optional<Desired> find_desired();
  void note_departures(Desired& desired, const Node& node);
  void apply(const Desired& desired);
  void succeed(const Desired& desired, Steps steps);
  void retry_later(const Error& error);

  Timers& timers_;
  Facts& facts_;
  Datapath& datapath_;
  spdlog::logger& log_;
  Config config_;
  Pace pace_;
  State state_;
  std::optional<Clock::time_point> storm_since_;
  std::optional<Clock::time_point> repaired_at_;
  Clock::duration retry_delay_;
  Timer storm_timer_;
  Timer retry_timer_;
  Timer repair_timer_;
  Timer resync_timer_;
  Departures departures_;
  Timer departure_timer_;
  Timer more_timer_;
  bool unfinished_ = false;  // the last apply() wants to be gone on with
};

}  // namespace masq
