// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/nat_rules.hpp"
#include "model/finding.hpp"
#include "os/child_task.hpp"
#include "os/event_loop.hpp"
#include "os/netlink_monitor.hpp"
#include "os/timers.hpp"

namespace masq::netfilter {

// Keeps the result of find_foreign_masquerading() up to date: every 30 s, after an event of nftables, and when the
// traffic changes. A search runs in a process of its own with a deadline, because others may have many rules, and takes
// at most a twentieth of one CPU, however long it waits for one. A failed search keeps the last result.
class ForeignRulesWatch {
 public:
  using Clock = os::Timers::Clock;
  using Done = os::ChildTask::Done;
  // Starts a search; `done` gets its output (see encode_findings()) or an error.
  using Search = std::function<Result<void>(const MasqueradedTraffic& traffic, Done done)>;

  static constexpr auto interval = std::chrono::seconds(30);
  static constexpr auto quiet = std::chrono::milliseconds(200);  // after an event
  static constexpr auto least_pause = std::chrono::seconds(1);
  static constexpr int pause_by_cpu = 20;

  ForeignRulesWatch(os::Timers& timers, Search search) : timers_(timers), search_(std::move(search)), next_(timers) {}

  // The first call starts the watch.
  void want(MasqueradedTraffic traffic);
  // Other programs have changed rules.
  void note_change() {
    if (traffic_) request(quiet);
  }
  // Of the last search that ended.
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  void request(Clock::duration delay);
  void start();
  void finish(const Result<std::string>& output, std::chrono::microseconds cpu);

  os::Timers& timers_;
  Search search_;
  os::Timer next_;
  std::optional<MasqueradedTraffic> traffic_;
  std::vector<Finding> findings_;
  std::optional<Clock::time_point> next_at_;  // of the alarm
  bool searching_ = false;
  Clock::time_point earliest_{};
  bool again_ = false;  // a change was noted during the search
};

// The watch of this machine, with a process for each search.
class ForeignRulesOfMachine {
 public:
  explicit ForeignRulesOfMachine(os::EventLoop& loop);
  ForeignRulesWatch& watch() { return watch_; }

 private:
  std::unique_ptr<os::ChildTask> task_;
  ForeignRulesWatch watch_;
  std::unique_ptr<os::NetlinkMonitor> events_;  // null: the kernel has no nftables
};

// One finding a line.
std::string encode_findings(const std::vector<Finding>& findings);
std::vector<Finding> decode_findings(const std::string& text);

}  // namespace masq::netfilter
