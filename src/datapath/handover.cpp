// SPDX-License-Identifier: Apache-2.0
#include "datapath/handover.hpp"

#include <algorithm>
#include <expected>
#include <iterator>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"

namespace masq {
namespace {

// A datapath without objects in the kernel cannot be read.
std::vector<Mapping> export_mappings(Datapath& datapath) {
  std::vector<Mapping> live;
  if (!datapath.table().for_each([&](const Mapping& mapping) { live.push_back(mapping); })) return {};
  return live;
}

}  // namespace

Result<Steps> DatapathChange::run(const Desired& desired) {
  TRY(const auto active, chosen_.handover().is_active());
  auto steps = take_place(desired);
  if (!steps && !active) return std::unexpected(undo(desired, steps.error()));
  if (steps) steps = replace_others(std::move(*steps));
  if (!steps) chosen_.handover().abort_import();
  return steps;
}

// Connections are exported before the chosen datapath handles packets.
Result<Steps> DatapathChange::take_place(const Desired& desired) {
  TRY_DO(chosen_.check(desired));
  for (const auto& other : others_) {
    TRY(const auto suspended, other->handover().suspend());
    any_suspended_ |= suspended;
    TRY_DO(chosen_.handover().import_mappings(export_mappings(*other)));
  }
  return chosen_.apply(desired);
}

// The chosen datapath is removed first, because two datapaths must not translate the same connections.
Error DatapathChange::undo(const Desired& desired, Error why) {
  chosen_.handover().abort_import();
  if (any_suspended_)
    if (const auto removed = chosen_.remove(); !removed) why.message += "; " + removed.error().message;
  for (const auto& other : others_)
    if (const auto done = other->handover().resume(desired); !done) why.message += "; " + done.error().message;
  return why;
}

Result<Steps> DatapathChange::replace_others(Steps steps) {
  while (!others_.empty()) {
    auto replaced = replace(*others_.back());
    if (!replaced) return replaced;
    std::ranges::move(*replaced, std::back_inserter(steps));
    others_.pop_back();
  }
  return steps;
}

// Connections that started since the first export follow.
Result<Steps> DatapathChange::replace(Datapath& other) {
  const auto live = export_mappings(other);
  TRY_DO(chosen_.handover().import_mappings(live));
  auto removed = other.remove();
  if (!removed) return removed;
  TRY_DO(chosen_.handover().commit_import(live));
  return removed;
}

}  // namespace masq
