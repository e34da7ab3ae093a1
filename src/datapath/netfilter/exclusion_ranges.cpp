// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/exclusion_ranges.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "model/desired.hpp"

namespace masq::netfilter {
namespace {

// An enclosing prefix of the current prefix; the addresses before `rest` are done.
struct Enclosing {
  AddressRange range;
  Decision decision;
  std::optional<Address> rest;  // absent: no address remains
};

class Carver {
 public:
  void add(const PolicyRule& rule) {
    const auto range = AddressRange::of(rule.destination);
    leave_those_before(range.first);
    if (!around_.empty()) {
      emit_until(around_.back(), previous(range.first), range.first);
      around_.back().rest = next(range.last);
    }
    around_.push_back({range, rule.decision, range.first});
  }

  std::vector<ExclusionRange> finish() && {
    while (!around_.empty()) leave();
    std::ranges::sort(ranges_);
    return std::move(ranges_);
  }

 private:
  void leave_those_before(const Address& first) {
    while (!around_.empty() &&
           (around_.back().range.first.family() != first.family() || around_.back().range.last < first))
      leave();
  }

  void leave() {
    const auto& innermost = around_.back();
    if (innermost.rest && *innermost.rest <= innermost.range.last)
      emit({.first = *innermost.rest, .last = innermost.range.last}, innermost.decision);
    around_.pop_back();
  }

  void emit_until(const Enclosing& enclosing, const std::optional<Address>& last, const Address& end) {
    if (enclosing.rest && *enclosing.rest < end && last)
      emit({.first = *enclosing.rest, .last = *last}, enclosing.decision);
  }

  void emit(const AddressRange& range, Decision decision) {
    if (decision != Decision::masquerade) ranges_.push_back({range, decision});
  }

  std::vector<Enclosing> around_;
  std::vector<ExclusionRange> ranges_;
};

}  // namespace

std::vector<ExclusionRange> exclusion_ranges(const std::vector<PolicyRule>& rules) {
  Carver carver;
  for (const auto& rule : rules) carver.add(rule);
  return std::move(carver).finish();
}

std::vector<AddressRange> merged(std::vector<AddressRange> ranges) {
  std::ranges::sort(ranges);
  std::vector<AddressRange> result;
  for (const auto& range : ranges) {
    const auto after = result.empty() ? std::nullopt : next(result.back().last);
    const bool reaches =
        !result.empty() && result.back().last.family() == range.first.family() && (!after || range.first <= *after);
    if (reaches)
      result.back().last = std::max(result.back().last, range.last);
    else
      result.push_back(range);
  }
  return result;
}

std::vector<AddressRange> without(const std::vector<AddressRange>& ranges, const std::vector<Address>& addresses) {
  std::vector<AddressRange> result;
  for (auto rest : ranges) {
    bool is_left = true;
    for (auto hole = std::ranges::lower_bound(addresses, rest.first);
         is_left && hole != addresses.end() && *hole <= rest.last; ++hole) {
      if (const auto before = previous(*hole); before && *before >= rest.first && *hole != rest.first)
        result.push_back({.first = rest.first, .last = *before});
      const auto after = next(*hole);
      is_left = after && *after <= rest.last;
      if (is_left) rest.first = *after;
    }
    if (is_left) result.push_back(rest);
  }
  return result;
}

}  // namespace masq::netfilter
