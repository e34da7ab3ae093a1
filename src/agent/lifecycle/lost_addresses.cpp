// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/lost_addresses.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "model/desired.hpp"
#include "model/node.hpp"

namespace masq::agent {
namespace {

template <class Visit>
void for_each_external(const Desired& desired, Visit visit) {
  for (const auto& uplink : desired.uplinks)
    for (const auto* addresses : {&uplink.ipv4, &uplink.ipv6}) std::ranges::for_each(*addresses, visit);
  for (const auto& route : desired.source_routes) visit(route.source);
}

}  // namespace

// A tentative address must not be used.
void LostAddresses::record_local(const Node& node, Clock::time_point now) {
  std::map<Address, Clock::time_point> local;
  for (const auto& link : node.links)
    for (const auto& own : link.addresses) {
      if (own.tentative) continue;
      const auto known = local_.find(own.address);
      const auto since = initialised_ ? now : Clock::time_point::min();
      local.emplace(own.address, known == local_.end() ? since : known->second);
    }
  local_ = std::move(local);
  initialised_ = true;
}

void LostAddresses::record_absences(Clock::time_point now) {
  for (const auto& address : used_) {
    if (local_.contains(address))
      absent_.erase(address);
    else
      absent_.try_emplace(address, Absence{.since = now, .lost = {}});
  }
}

// An address that the node has had for long is no replacement.
bool LostAddresses::is_replaced(const Address& address, const Absence& absence, const Desired& desired) const {
  bool replaced = false;
  for_each_external(desired, [&](const Address& external) {
    const auto local = local_.find(external);
    if (external.family() == address.family() && local != local_.end() && local->second != Clock::time_point::min() &&
        local->second + grace_period > absence.since)
      replaced = true;
  });
  return replaced;
}

void LostAddresses::update(const Address& address, Absence& absence, const Desired& desired, Clock::time_point now) {
  if (absence.lost) return wake_at(*absence.lost + drain_period);
  const auto ends = absence.since + (is_replaced(address, absence, desired) ? replacement_delay : grace_period);
  if (ends > now) return wake_at(ends);
  absence.lost = now;
  wake_at(now + drain_period);
}

void LostAddresses::complete(Desired& desired, const Node& node, Clock::time_point now) {
  record_local(node, now);
  for (auto& uplink : desired.uplinks)
    for (auto* addresses : {&uplink.ipv4, &uplink.ipv6})
      std::erase_if(*addresses, [&](const Address& address) { return !local_.contains(address); });
  for_each_external(desired, [&](const Address& external) { used_.insert(external); });
  record_absences(now);
  desired.unavailable.clear();
  desired.lost.clear();
  next_change_.reset();
  for (auto it = absent_.begin(); it != absent_.end();) {
    auto& [address, absence] = *it;
    if (absence.lost && *absence.lost + drain_period <= now) {
      used_.erase(address);
      it = absent_.erase(it);
      continue;
    }
    update(address, absence, desired, now);
    (absence.lost ? desired.lost : desired.unavailable).push_back(address);
    ++it;
  }
}

}  // namespace masq::agent
