// SPDX-License-Identifier: Apache-2.0
#include "datapath/replacing_datapath.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/handover.hpp"
#include "datapath/netfilter/foreign_rules.hpp"
#include "model/desired.hpp"

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

std::vector<std::string> ReplacingDatapath::notes() {
  auto notes = chosen_->notes();
  std::ranges::move(netfilter::foreign_masquerading(), std::back_inserter(notes));
  return notes;
}

Result<Steps> ReplacingDatapath::remove() {
  Steps steps;
  TRY_DO(remove_into(steps, *chosen_));
  for (const auto& other : others_) TRY_DO(remove_into(steps, *other));
  return steps;
}

}  // namespace masq
