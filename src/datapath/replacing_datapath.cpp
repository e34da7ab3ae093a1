// SPDX-License-Identifier: Apache-2.0
#include "datapath/replacing_datapath.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/handover.hpp"
#include "datapath/netfilter/foreign_rules_watch.hpp"
#include "datapath/netfilter/nat_rules.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/event_loop.hpp"

namespace masq {
namespace {

Result<void> remove_into(Steps& steps, Datapath& datapath) {
  TRY(auto removed, datapath.remove());
  std::ranges::move(removed, std::back_inserter(steps));
  return {};
}

}  // namespace

Result<Steps> ReplacingDatapath::apply(const Desired& desired) {
  if (foreign_rules_) foreign_rules_->watch().want(netfilter::masqueraded_traffic(desired));
  if (is_alone_) return chosen_->apply(desired);
  auto steps = others_.empty() ? chosen_->apply(desired) : DatapathChange(*chosen_, others_).run(desired);
  if (!steps) return steps;
  // Resumes the chosen datapath if a killed masqd has suspended it. This must wait until the others are removed, which
  // would translate its packets again.
  TRY_DO(chosen_->handover().resume(desired));
  is_alone_ = true;
  return steps;
}

std::vector<Finding> ReplacingDatapath::findings() {
  auto findings = chosen_->findings();
  if (foreign_rules_) std::ranges::copy(foreign_rules_->watch().findings(), std::back_inserter(findings));
  return findings;
}

Result<void> ReplacingDatapath::watch(os::EventLoop& loop, std::function<void()> disturbed) {
  foreign_rules_ = std::make_unique<netfilter::ForeignRulesOfMachine>(loop);
  return chosen_->watch(loop, std::move(disturbed));
}

Result<Steps> ReplacingDatapath::remove() {
  Steps steps;
  TRY_DO(remove_into(steps, *chosen_));
  for (const auto& other : others_) TRY_DO(remove_into(steps, *other));
  return steps;
}

}  // namespace masq
