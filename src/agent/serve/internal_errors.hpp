// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "os/timers.hpp"

namespace masq::agent {

// The last exception that reached the event loop. It is a problem for a minute: nothing shows that its cause has ended.
class InternalErrors {
 public:
  using Clock = os::Timers::Clock;

  // Returns true if it is to be logged: the same one is logged once a minute.
  bool record(const std::string& what, Clock::time_point now) {
    const bool is_new = recent(now) != what || now - logged_at_ >= shown_for;
    what_ = what;
    at_ = now;
    if (is_new) logged_at_ = now;
    return is_new;
  }
  std::optional<std::string> recent(Clock::time_point now) const {
    return at_ && now - *at_ < shown_for ? std::optional(what_) : std::nullopt;
  }

 private:
  static constexpr auto shown_for = std::chrono::minutes(1);

  std::string what_;
  std::optional<Clock::time_point> at_;
  Clock::time_point logged_at_;
};

}  // namespace masq::agent
