// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "model/node.hpp"
#include "os/timers.hpp"

namespace masq {

// Who knows one of the node's facts. A fact is read as a whole or not at all; when it cannot be read, the last one
// stays, and the error beside it.
class Source {
 public:
  struct State {
    std::string name;
    std::optional<Timers::Clock::time_point> read_at;  // of the fact that is held; none: not delivered yet
    std::string error;                                 // of the last attempt; empty: it went well
  };

  explicit Source(std::string name) { state_.name = std::move(name); }
  virtual ~Source() = default;

  const State& state() const { return state_; }
  bool has_delivered() const { return state_.read_at.has_value(); }
  // The next read() is to look again.
  virtual void wake() = 0;
  // Brings the fact up to date, when something said that it may have changed.
  virtual void read() = 0;
  // Puts the fact in its place.
  virtual void contribute(Node& node) const = 0;

 protected:
  void delivered(Timers::Clock::time_point now) {
    state_.read_at = now;
    state_.error.clear();
  }
  // The fact that was held stays.
  void failed(const Error& error) { state_.error = error.message; }
  // A fact that nobody needs to wait for: what stands for it when there has never been one is good enough.
  void failed_or_absent(Timers::Clock::time_point now, const Error& error) {
    if (!state_.read_at) state_.read_at = now;
    failed(error);
  }

 private:
  State state_;
};

}  // namespace masq
