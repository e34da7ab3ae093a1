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

namespace masq {

// Remembers under which addresses connections leave, and what becomes of one that the node no longer has. It may come
// back (a lease is renewed, a link flaps): until then its connections wait. It is gone for good when its place is taken
// by an address that the node has got only then, or when it has been away for too long.
class Departures {
 public:
  using Clock = Timers::Clock;

  static constexpr Clock::duration patience = std::chrono::seconds(30);
  // An address that is deleted and added again by two commands is away for less than this, though another may be used
  // meanwhile.
  static constexpr Clock::duration settled = std::chrono::milliseconds(300);
  // So long its connections are looked for and ended.
  static constexpr Clock::duration farewell = std::chrono::seconds(60);

  // There may be connections under these from before this process.
  void remember(const std::vector<Address>& addresses) { used_.insert(addresses.begin(), addresses.end()); }
  // Fills in `away` and `departed`, and takes addresses that the node does not have from the uplinks: a state that was
  // decided for an older node has them.
  void complete(Desired& desired, const Node& node, Clock::time_point now);
  // When complete() would say something else though nothing happens.
  std::optional<Clock::time_point> next_change() const { return next_change_; }

 private:
  struct Absence {
    Clock::time_point since;
    std::optional<Clock::time_point> departed;
  };

  void note_local(const Node& node, Clock::time_point now);
  void note_absences(Clock::time_point now);
  bool is_replaced(const Address& address, const Absence& absence, const Desired& desired) const;
  void judge(const Address& address, Absence& absence, const Desired& desired, Clock::time_point now);
  void wake_at(Clock::time_point time) { next_change_ = next_change_ ? std::min(*next_change_, time) : time; }

  std::map<Address, Clock::time_point> local_;  // addresses of the node, and since when
  bool looked_ = false;
  std::set<Address> used_;
  std::map<Address, Absence> absent_;
  std::optional<Clock::time_point> next_change_;
};

}  // namespace masq
