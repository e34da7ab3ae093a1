// SPDX-License-Identifier: Apache-2.0
#include "datapath/replacing_datapath.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/handover.hpp"
#include "datapath/netfilter/foreign_rules.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"

namespace masq {
namespace {

Result<void> remove_into(Steps& steps, Datapath& datapath) {
  TRY(auto removed, datapath.remove());
  std::ranges::move(removed, std::back_inserter(steps));
  return {};
}

}  // namespace

Result<Steps> ReplacingDatapath::apply(const Desired& desired) {
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
  for (auto& line : netfilter::foreign_masquerading())
    findings.push_back({FindingKind::other_masquerading, std::move(line)});
  return findings;
}

Result<Steps> ReplacingDatapath::remove() {
  Steps steps;
  TRY_DO(remove_into(steps, *chosen_));
  for (const auto& other : others_) TRY_DO(remove_into(steps, *other));
  return steps;
}

}  // namespace masq
