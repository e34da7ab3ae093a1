// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "model/desired.hpp"
#include "model/node.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// Tracks the external addresses of connections that the node loses. An unavailable address may return (a lease is
// renewed, a link flaps): its connections wait. It is lost when a newer address of the node replaces it, or when it is
// unavailable for too long.
class LostAddresses {
 public:
  using Clock = os::Timers::Clock;

  static constexpr Clock::duration grace_period = std::chrono::seconds(30);
  // Two commands that delete an address and add it again need less time than this, although another address may be used
  // meanwhile.
  static constexpr Clock::duration replacement_delay = std::chrono::milliseconds(300);
  // Connections of a lost address are searched and ended for this time.
  static constexpr Clock::duration drain_period = std::chrono::seconds(60);

  // Connections of an earlier process may have these external addresses.
  void remember(const std::vector<Address>& addresses) { used_.insert(addresses.begin(), addresses.end()); }
  // Fills in `unavailable` and `lost`. Removes addresses that the node does not have from the uplinks, because the
  // state may be older than the facts.
  void complete(Desired& desired, const Node& node, Clock::time_point now);
  // The time at which the result of complete() changes without an event.
  std::optional<Clock::time_point> next_change() const { return next_change_; }

 private:
  struct Absence {
    Clock::time_point since;
    std::optional<Clock::time_point> lost;
  };

  void record_local(const Node& node, Clock::time_point now);
  void record_absences(Clock::time_point now);
  bool is_replaced(const Address& address, const Absence& absence, const Desired& desired) const;
  void update(const Address& address, Absence& absence, const Desired& desired, Clock::time_point now);
  void wake_at(Clock::time_point time) { next_change_ = next_change_ ? std::min(*next_change_, time) : time; }

  std::map<Address, Clock::time_point> local_;  // addresses of the node, and the time of their arrival
  bool initialised_ = false;
  std::set<Address> used_;
  std::map<Address, Absence> absent_;
  std::optional<Clock::time_point> next_change_;
};

}  // namespace masq::agent
