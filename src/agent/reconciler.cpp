// SPDX-License-Identifier: Apache-2.0
#include "agent/reconciler.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <expected>
#include <optional>
#include <utility>
#include <vector>

#include "agent/sources/facts.hpp"
#include "base/caught.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"
#include "os/timers.hpp"

namespace masq::agent {

Reconciler::Reconciler(os::Timers& timers, Facts& facts, Datapath& datapath, spdlog::logger& log, Config config,
                       Pace pace)
    : timers_(timers),
      facts_(facts),
      datapath_(datapath),
      log_(log),
      config_(std::move(config)),
      pace_(pace),
      retry_delay_(pace.first_retry),
      burst_timer_(timers),
      retry_timer_(timers),
      repair_timer_(timers),
      resync_timer_(timers),
      lost_address_timer_(timers),
      continue_timer_(timers) {}

void Reconciler::start() {
  resync();
}

void Reconciler::configure(Config config) {
  config_ = std::move(config);
  request_reconcile();
}

void Reconciler::request_reconcile() {
  const auto now = timers_.now();
  if (!burst_since_) burst_since_ = now;
  const auto latest = *burst_since_ + pace_.max_delay;
  burst_timer_.start(std::min(pace_.quiet, latest - now), [this] { reconcile(Force::if_different); });
}

void Reconciler::request_repair() {
  if (!state_.applied || repair_timer_.is_running()) return;
  const auto now = timers_.now();
  const auto earliest = repaired_at_ ? *repaired_at_ + pace_.repair_interval : now;
  repair_timer_.start(std::max(earliest - now, Clock::duration::zero()), [this] {
    repaired_at_ = timers_.now();
    reconcile(Force::always);
  });
}

// Repairs foreign changes in the kernel, and finds changes without an event.
void Reconciler::resync() {
  resync_timer_.start(pace_.resync, [this] { resync(); });
  facts_.wake();
  reconcile(Force::always);
}

// Without a new decision the last one stays in force and is maintained, but lost addresses must not be used.
std::optional<Desired> Reconciler::find_desired() {
  const auto node = facts_.gather();
  const auto decide_error = node ? std::string() : node.error().message;
  if (decide_error != std::exchange(state_.decide_error, decide_error) && !decide_error.empty())
    log_.info("{}", decide_error);
  auto desired = node ? std::optional(decide(config_, *node)) : state_.applied;
  if (desired && node) complete_addresses(*desired, *node);
  return desired;
}

void Reconciler::complete_addresses(Desired& desired, const Node& node) {
  const auto now = timers_.now();
  lost_addresses_.complete(desired, node, now);
  lost_address_timer_.stop();
  if (const auto next = lost_addresses_.next_change())
    lost_address_timer_.start(*next - now, [this] { reconcile(Force::if_different); });
}

void Reconciler::reconcile(Force force) {
  burst_timer_.stop();
  burst_since_.reset();
  const auto done = caught([&]() -> Result<void> {
    update(force);
    return {};
  });
  if (!done) retry_later(done.error());
  passed_();
}

void Reconciler::update(Force force) {
  const auto desired = find_desired();
  if (!desired) return;
  const bool failing = !state_.error.empty();
  if (force == Force::always || failing || state_.applied != *desired) apply(*desired);
}

void Reconciler::apply(const Desired& desired) {
  const auto begin = timers_.now();
  auto steps = datapath_.apply(desired);
  ++state_.attempts;
  state_.tried_at = begin;
  state_.duration = timers_.now() - begin;
  if (steps)
    succeed(desired, std::move(*steps));
  else
    retry_later(steps.error());
}

void Reconciler::succeed(const Desired& desired, Steps steps) {
  const bool repaired =
      !std::exchange(unfinished_, false) && state_.error.empty() && state_.applied == desired && !steps.empty();
  if (repaired) log_.warn("repaired changes of another process: {}", fmt::join(steps, "; "));
  if (!repaired && !steps.empty()) log_.info("applied: {}", fmt::join(steps, "; "));
  if (!state_.error.empty()) log_.info("apply: recovered");
  if (!steps.empty()) state_.steps = std::move(steps);
  log_new(desired.findings);
  state_.error.clear();
  state_.applied = desired;
  retry_delay_ = pace_.first_retry;
  retry_timer_.stop();
  if (const auto wait = datapath_.retry_after()) {
    unfinished_ = true;
    continue_timer_.start(*wait, [this] { reconcile(Force::always); });
  }
}

void Reconciler::log_new(const std::vector<Finding>& findings) {
  for (const auto& finding : findings) {
    if (state_.applied && std::ranges::find(state_.applied->findings, finding) != state_.applied->findings.end())
      continue;
    if (row_of(finding.kind).severity == Severity::problem)
      log_.error("{}", finding.text);
    else
      log_.warn("{}", finding.text);
  }
}

void Reconciler::retry_later(const Error& error) {
  ++state_.failures;
  if (std::exchange(state_.error, error.message) != error.message) log_.error("apply: {}", error.message);
  retry_timer_.start(retry_delay_, [this] { reconcile(Force::always); });
  retry_delay_ = std::min(retry_delay_ * 2, pace_.max_retry_delay);
}

}  // namespace masq::agent
