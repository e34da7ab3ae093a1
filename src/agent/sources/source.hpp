// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "model/finding.hpp"
#include "model/node.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// The name of the only source that is the user's configuration; all others are facts of the node.
inline constexpr const char* ip_masq_agent_source_name = "ip-masq-agent";
inline constexpr const char* kubernetes_source_name = "kubernetes";

// required: the first apply waits for a value. awaited: it waits for a value or a failure. optional: it does not wait.
// Without a value the fact is absent.
enum class Need : std::uint8_t { required, awaited, optional };

// A source of one fact, as the set of sources and the status see it. FactSource has the value.
class Source {
 public:
  using Clock = os::Timers::Clock;

  struct State {
    std::string name;
    std::optional<Clock::time_point> read_at;  // time of the last value; absent: no value yet
    std::string error;                         // of the last attempt; empty: it succeeded
    FindingKind kind = FindingKind::source;    // of the error
    std::optional<Finding> note;               // the fact is in force; the operator may want to know this

    // Age of the value; absent: no value yet.
    std::optional<Clock::duration> age(Clock::time_point now) const {
      return read_at ? std::optional(now - *read_at) : std::nullopt;
    }
  };

  Source(std::string name, Need need) : need_(need) { state_.name = std::move(name); }
  virtual ~Source() = default;

  const State& state() const { return state_; }
  bool has_delivered() const { return state_.read_at.has_value(); }
  // True if the first apply must wait for this source.
  bool is_awaited() const { return need_ != Need::optional && !has_delivered(); }

  // Makes the next read() list the fact again. A source whose values are pushed has nothing to list.
  virtual void wake() {}
  // Updates the fact if an event reported a change.
  virtual void read() {}
  // Copies the fact into the node.
  virtual void contribute(Node&) const {}

 protected:
  void record_value(Clock::time_point read_at) {
    state_.read_at = read_at;
    state_.error.clear();
  }
  void record_note(std::optional<Finding> note) { state_.note = std::move(note); }
  // A fact that is not required and fails before its first value counts as delivered: it is absent.
  void record_error(Clock::time_point now, std::string error, FindingKind kind) {
    if (need_ != Need::required && !state_.read_at) state_.read_at = now;
    state_.error = std::move(error);
    state_.kind = kind;
  }

 private:
  Need need_;
  State state_;
};

}  // namespace masq::agent
