// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "model/node.hpp"
#include "os/timers.hpp"

namespace masq {

// A source of one fact about the node. A fact is read completely or not at all. If a read fails, the last value stays,
// together with the error.
class Source {
 public:
  struct State {
    std::string name;
    std::optional<Timers::Clock::time_point> read_at;  // time of the last value; absent: no value yet
    std::string error;                                 // of the last attempt; empty: it succeeded
  };

  explicit Source(std::string name) { state_.name = std::move(name); }
  virtual ~Source() = default;

  const State& state() const { return state_; }
  bool has_delivered() const { return state_.read_at.has_value(); }
  // Makes the next read() read the fact again.
  virtual void wake() = 0;
  // Updates the fact if an event reported a change.
  virtual void read() = 0;
  // Copies the fact into the node.
  virtual void contribute(Node& node) const = 0;

 protected:
  void delivered(Timers::Clock::time_point now) {
    state_.read_at = now;
    state_.error.clear();
  }
  // The last value stays.
  void failed(const Error& error) { state_.error = error.message; }
  // Optional source: a missing first value counts as delivered.
  void failed_or_absent(Timers::Clock::time_point now, const Error& error) {
    if (!state_.read_at) state_.read_at = now;
    failed(error);
  }

 private:
  State state_;
};

}  // namespace masq
