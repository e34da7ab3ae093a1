// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <deque>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "agent/sources/facts.hpp"
#include "datapath/datapath.hpp"
#include "os/timers.hpp"
#include "unit/fake_table.hpp"

namespace masq::agent {

// A clock that stands still until it is turned; alarms ring on the way.
class FakeTimers final : public os::Timers {
 public:
  Clock::time_point now() const override { return now_; }
  Id call_after(Clock::duration delay, std::function<void()> alarm) override {
    alarms_.emplace(std::pair(now_ + delay, ++last_), std::move(alarm));
    return last_;
  }
  void cancel(Id id) override {
    std::erase_if(alarms_, [id](const auto& alarm) { return alarm.first.second == id; });
  }
  void pass(Clock::duration time) {
    const auto end = now_ + time;
    while (!alarms_.empty() && alarms_.begin()->first.first <= end) {
      auto alarm = alarms_.extract(alarms_.begin());
      now_ = std::max(now_, alarm.key().first);
      alarm.mapped()();
    }
    now_ = end;
  }

 private:
  Clock::time_point now_{std::chrono::hours(1)};
  Id last_ = 0;
  std::map<std::pair<Clock::time_point, Id>, std::function<void()>> alarms_;
};

// A kernel that is made equal to what is desired, unless told to refuse.
class FakeDatapath : public Datapath, public Handover {
 public:
  std::string name() const override { return "BPF"; }
  Result<Steps> apply(const Desired& desired) override {
    ++applied;
    if (!exception.empty()) throw std::runtime_error(exception);
    if (!refusal.empty()) return fail("{}", refusal);
    const auto steps = plan(desired).value();
    kernel = desired;
    return steps;
  }
  Result<Steps> plan(const Desired& desired) override {
    return kernel == desired ? Steps() : Steps{"make the kernel equal"};
  }
  MappingTable& table() override { return mappings; }
  Handover& handover() override { return *this; }
  Result<void> import_mappings(const std::vector<Mapping>&) override { return {}; }
  std::optional<std::chrono::milliseconds> retry_after() const override { return more; }
  Result<Steps> remove() override {
    kernel.reset();
    return Steps();
  }

  int applied = 0;
  std::string refusal;    // empty: apply() works
  std::string exception;  // as of a library; empty: none
  std::optional<std::chrono::milliseconds> more;
  std::optional<Desired> kernel;
  FakeTable mappings;
};

class FakeFacts final : public Facts {
 public:
  void wake() override { ++woken; }
  Result<Node> gather() override {
    ++gathered;
    if (!missing.empty()) return fail("waiting for the source {}", missing);
    return node;
  }

  Node node;
  std::string missing;
  int woken = 0;
  int gathered = 0;
};

// A log that can be read.
struct FakeLog {
  std::ostringstream text{};
  spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(text)};

  FakeLog() { log.set_pattern("%l: %v"); }
  // The lines since the last call.
  std::string take() {
    auto said = text.str();
    text.str("");
    return said;
  }
};

}  // namespace masq::agent
