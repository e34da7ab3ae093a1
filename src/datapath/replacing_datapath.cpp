// SPDX-License-Identifier: Apache-2.0
#include "datapath/replacing_datapath.hpp"

#include <algorithm>
#include <expected>
#include <iterator>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
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

// A datapath without objects in the kernel cannot be read.
std::vector<Mapping> live_of(Datapath& datapath) {
  std::vector<Mapping> live;
  if (!datapath.mappings([&](const Mapping& mapping) { live.push_back(mapping); })) return {};
  return live;
}

}  // namespace

Result<Steps> ReplacingDatapath::apply(const Desired& desired) {
  if (is_alone_) return chosen_->apply(desired);
  auto steps = others_.empty() ? chosen_->apply(desired) : change(desired);
  if (!steps) return steps;
  // Resumes a datapath that a killed masqd has suspended. This must wait until the new rules are removed, which would
  // translate its packets again.
  if (auto done = chosen_->take_back(desired); !done) return std::unexpected(done.error());
  is_alone_ = true;
  return steps;
}

// check() runs first, so that a predictable failure changes nothing. A later failure is undone. Once the chosen
// datapath masquerades, another one may be removed in part; then only the chosen one prevents leaks.
Result<Steps> ReplacingDatapath::change(const Desired& desired) {
  const auto active = chosen_->is_active();
  if (!active) return std::unexpected(active.error());
  bool handed_over = false;
  auto steps = take_place(desired, handed_over);
  if (!steps && !*active) return std::unexpected(undo(desired, handed_over, steps.error()));
  if (steps) steps = replace_others(std::move(*steps));
  if (!steps) chosen_->not_taken_over();
  return steps;
}

Result<Steps> ReplacingDatapath::replace_others(Steps steps) {
  while (!others_.empty()) {
    auto replaced = replace(*others_.back());
    if (!replaced) return replaced;
    std::ranges::move(*replaced, std::back_inserter(steps));
    others_.pop_back();
  }
  return steps;
}

// Connections are exported before the chosen datapath handles packets, so that it continues with them under the same
// ports. Connections that started meanwhile follow.
Result<Steps> ReplacingDatapath::take_place(const Desired& desired, bool& handed_over) {
  if (auto checked = chosen_->check(desired); !checked) return std::unexpected(checked.error());
  for (const auto& other : others_) {
    const auto handed = other->hand_over();
    if (!handed) return std::unexpected(handed.error());
    handed_over |= *handed;
    if (auto done = chosen_->take_over(live_of(*other)); !done) return std::unexpected(done.error());
  }
  return chosen_->apply(desired);
}

// Removes the chosen datapath's rules first, because two datapaths must not translate the same connections. Resumes the
// other datapath also if a killed masqd has suspended it.
Error ReplacingDatapath::undo(const Desired& desired, bool handed_over, Error why) {
  chosen_->not_taken_over();
  if (handed_over)
    if (const auto removed = chosen_->remove(); !removed) why.message += "; " + removed.error().message;
  for (const auto& other : others_)
    if (const auto done = other->take_back(desired); !done) why.message += "; " + done.error().message;
  return why;
}

Result<Steps> ReplacingDatapath::replace(Datapath& other) {
  const auto live = live_of(other);
  if (auto done = chosen_->take_over(live); !done) return std::unexpected(done.error());
  auto removed = other.remove();
  if (!removed) return removed;
  if (auto done = chosen_->taken_over(live); !done) return std::unexpected(done.error());
  return removed;
}

Result<std::vector<IpMasqEntry>> ReplacingDatapath::ip_masq() {
  auto entries = chosen_->ip_masq();
  for (const auto& other : others_) {
    if (entries && !entries->empty()) break;
    entries = other->ip_masq();
  }
  return entries;
}

std::vector<std::string> ReplacingDatapath::notes() {
  auto notes = chosen_->notes();
  std::ranges::move(foreign_masquerading(), std::back_inserter(notes));
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
