// SPDX-License-Identifier: Apache-2.0
#include "datapath/replacing_datapath.hpp"

#include <algorithm>
#include <iterator>

#include "datapath/netfilter/foreign_rules.hpp"

namespace masq {
namespace {

Result<void> remove_into(Steps& steps, Datapath& datapath) {
  auto removed = datapath.remove();
  if (!removed) return std::unexpected(removed.error());
  std::ranges::move(*removed, std::back_inserter(steps));
  return {};
}

// One that has nothing in the kernel cannot be read.
std::vector<Mapping> live_of(Datapath& datapath) {
  std::vector<Mapping> live;
  if (!datapath.mappings([&](const Mapping& mapping) { live.push_back(mapping); })) return {};
  return live;
}

}  // namespace

// Connections are handed over before the chosen one touches a packet, so that it goes on with them under the same ports,
// and then those that have begun meanwhile.
Result<Steps> ReplacingDatapath::apply(const Desired& desired) {
  for (const auto& other : others_) {
    if (auto done = other->hand_over(); !done) return std::unexpected(done.error());
    if (auto done = chosen_->take_over(live_of(*other)); !done) return std::unexpected(done.error());
  }
  auto steps = chosen_->apply(desired);
  if (!steps) return steps;
  while (!others_.empty()) {
    auto replaced = replace(*others_.back());
    if (!replaced) return replaced;
    std::ranges::move(*replaced, std::back_inserter(*steps));
    others_.pop_back();
  }
  return steps;
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
