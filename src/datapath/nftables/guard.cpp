// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/guard.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/address_range.hpp"
#include "datapath/netfilter/exclusion_ranges.hpp"

namespace masq::nftables {
namespace {

using Ranges = std::vector<AddressRange>;

Ranges in_both(const Ranges& a, const Ranges& b) {
  Ranges both;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    const AddressRange common{.first = std::max(x->first, y->first), .last = std::min(x->last, y->last)};
    if (common.first <= common.last) both.push_back(common);
    x->last < y->last ? ++x : ++y;
  }
  return both;
}

Ranges in_one(const Ranges& a, const Ranges& b) {
  Ranges all = a;
  all.insert(all.end(), b.begin(), b.end());
  return netfilter::merged(std::move(all));
}

Guard::OfFamily between(const Guard::OfFamily& before, const Guard::OfFamily& after) {
  return {.pods = in_both(before.pods, after.pods),
          .left = in_one(before.left, after.left),
          .own = in_one(before.own, after.own)};
}

}  // namespace

Guard between(const Guard& before, const Guard& after) {
  Guard guard{.devices = {}, .ipv4 = between(before.ipv4, after.ipv4), .ipv6 = between(before.ipv6, after.ipv6)};
  std::ranges::set_intersection(before.devices, after.devices, std::back_inserter(guard.devices));
  return guard;
}

}  // namespace masq::nftables
