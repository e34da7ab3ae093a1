// SPDX-License-Identifier: Apache-2.0
#include "datapath/joined_table.hpp"

#include <algorithm>
#include <expected>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/mapping_table.hpp"

namespace masq {

// A datapath that cannot be queried has no state on this machine.
JoinedTable::Existing JoinedTable::existing() {
  Existing found;
  for (const auto& table : tables_)
    if (table->exists().value_or(false)) found.push_back(table.get());
  if (found.empty()) found.push_back(tables_.front().get());
  return found;
}

Result<bool> JoinedTable::exists() {
  return existing().front()->exists();
}

bool JoinedTable::has_shares() const {
  return std::ranges::any_of(tables_,
                             [](const auto& table) { return table->has_shares() && table->exists().value_or(false); });
}

std::vector<std::string> JoinedTable::port_timeouts() {
  return existing().front()->port_timeouts();
}

Result<void> JoinedTable::for_each(const MappingVisitor& visit) {
  for (auto* const table : existing())
    if (auto done = table->for_each(visit); !done) return done;
  return {};
}

Result<Ended> JoinedTable::sum(const std::function<Result<Ended>(MappingTable&)>& change) {
  Ended sum;
  for (auto* const table : existing()) {
    const auto ended = change(*table);
    if (!ended) return ended;
    sum.mappings += ended->mappings;
    sum.bypassed += ended->bypassed;
  }
  return sum;
}

Result<Ended> JoinedTable::end(const MappingFilter& wanted) {
  return sum([&](MappingTable& table) { return table.end(wanted); });
}

Result<Ended> JoinedTable::quarantine(const std::vector<Address>& pods) {
  return sum([&](MappingTable& table) { return table.quarantine(pods); });
}

Result<Counters> JoinedTable::counters() {
  return existing().front()->counters();
}

// Two datapaths have the same entries during a change.
template <class T>
Result<std::vector<T>> JoinedTable::join(Result<std::vector<T>> (MappingTable::*read)()) {
  std::vector<T> all;
  for (auto* const table : existing()) {
    auto found = (table->*read)();
    if (!found) return found;
    std::ranges::move(*found, std::back_inserter(all));
  }
  std::ranges::sort(all);
  const auto [first, last] = std::ranges::unique(all);
  all.erase(first, last);
  return all;
}

Result<std::vector<Address>> JoinedTable::external_addresses() {
  return join(&MappingTable::external_addresses);
}

Result<std::vector<IpMasqEntry>> JoinedTable::ip_masq() {
  return join(&MappingTable::ip_masq);
}

}  // namespace masq
