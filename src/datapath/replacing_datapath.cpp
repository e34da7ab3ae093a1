// SPDX-License-Identifier: Apache-2.0
#include "datapath/replacing_datapath.hpp"

#include <algorithm>
#include <expected>
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
  auto removed = datapath.remove();
  if (!removed) return std::unexpected(removed.error());
  std::ranges::move(*removed, std::back_inserter(steps));
  return {};
}

}  // namespace

Result<Steps> ReplacingDatapath::apply(const Desired& desired) {
  if (is_alone_) return chosen_->apply(desired);
  auto steps = others_.empty() ? chosen_->apply(desired) : DatapathChange(*chosen_, others_).run(desired);
  if (!steps) return steps;
  // Resumes the chosen datapath if a killed masqd has suspended it. This must wait until the others are removed, which
  // would translate its packets again.
  if (auto done = chosen_->handover().resume(desired); !done) return std::unexpected(done.error());
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
  if (auto done = remove_into(steps, *chosen_); !done) return std::unexpected(done.error());
  for (const auto& other : others_)
    if (auto done = remove_into(steps, *other); !done) return std::unexpected(done.error());
  return steps;
}

}  // namespace masq
