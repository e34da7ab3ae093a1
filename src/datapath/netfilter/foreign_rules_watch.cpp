// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/foreign_rules_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/foreign_rules.hpp"
#include "datapath/netfilter/nat_rules.hpp"
#include "model/finding.hpp"
#include "os/child_task.hpp"
#include "os/event_loop.hpp"
#include "os/netlink_monitor.hpp"

namespace masq::netfilter {
namespace {

constexpr auto search_deadline = std::chrono::seconds(15);

// Runs in a process of its own, so that neither a large nor a strange ruleset stops masqd.
std::string search_this_machine(const MasqueradedTraffic& traffic) {
  try {
    return encode_findings(find_foreign_masquerading(RuleLists::of_this_machine(), traffic));
  } catch (const std::exception& error) {
    return encode_findings(
        {{FindingKind::foreign_rules_unread, fmt::format("rules of other programs: {}", error.what())}});
  }
}

}  // namespace

std::string encode_findings(const std::vector<Finding>& findings) {
  std::string text;
  for (const auto& finding : findings) {
    auto line = finding.text;
    std::ranges::replace(line, '\n', ' ');
    text += fmt::format("{} {}\n", row_of(finding.kind).word, line);
  }
  return text;
}

std::vector<Finding> decode_findings(const std::string& text) {
  std::vector<Finding> findings;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto blank = line.find(' ');
    const auto row = std::ranges::find(finding_rows(), line.substr(0, blank), &FindingRow::word);
    if (row != finding_rows().end()) findings.push_back({row->kind, line.substr(blank + 1)});
  }
  return findings;
}

void ForeignRulesWatch::want(MasqueradedTraffic traffic) {
  if (traffic_ == traffic) return;
  traffic_ = std::move(traffic);
  request(Clock::duration::zero());
}

// An earlier alarm stays.
void ForeignRulesWatch::request(Clock::duration delay) {
  if (searching_) {
    again_ = true;
    return;
  }
  const auto at = std::max(timers_.now() + delay, earliest_);
  if (next_at_ && *next_at_ <= at) return;
  next_at_ = at;
  next_.start(at - timers_.now(), [this] { start(); });
}

void ForeignRulesWatch::start() {
  next_at_.reset();
  again_ = false;
  searching_ = true;
  if (auto started = search_(
          *traffic_, [this](const Result<std::string>& output, std::chrono::microseconds cpu) { finish(output, cpu); });
      !started)
    finish(std::unexpected(started.error()), {});
}

void ForeignRulesWatch::finish(const Result<std::string>& output, std::chrono::microseconds cpu) {
  searching_ = false;
  earliest_ = timers_.now() + std::max<Clock::duration>(least_pause, cpu * pause_by_cpu);
  if (output) {
    findings_ = decode_findings(*output);
  } else {
    std::erase_if(findings_, [](const Finding& one) { return one.kind == FindingKind::foreign_rules_unread; });
    findings_.push_back({FindingKind::foreign_rules_unread,
                         fmt::format("rules of other programs: {}; the last result stays", output.error().message)});
  }
  request(again_ ? Clock::duration::zero() : Clock::duration(interval));
}

// The task of the last search may be replaced: it has called `done`, and is not used after that.
ForeignRulesOfMachine::ForeignRulesOfMachine(os::EventLoop& loop)
    : watch_(loop, [this, &loop](const MasqueradedTraffic& traffic, ForeignRulesWatch::Done done) -> Result<void> {
        TRY(task_, os::ChildTask::start(
                       loop, [traffic] { return search_this_machine(traffic); }, search_deadline, std::move(done)));
        return {};
      }) {
  if (auto opened = os::NetlinkMonitor::open_nftables(loop, [this] { watch_.note_change(); }))
    events_ = std::move(*opened);
}

}  // namespace masq::netfilter
