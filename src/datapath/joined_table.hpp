// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/mapping_table.hpp"

namespace masq {

// The tables of all datapaths as one. During a change of the datapath two may exist. If none exists, the first table
// reports the error.
class JoinedTable final : public MappingTable {
 public:
  using Tables = std::vector<std::unique_ptr<MappingTable>>;

  // At least one table.
  explicit JoinedTable(Tables tables) : tables_(std::move(tables)) {}

  Result<bool> exists() override;
  Result<void> for_each(const MappingVisitor& visit) override;
  Result<Ended> end(const MappingFilter& wanted) override;
  Result<Ended> quarantine(const std::vector<Address>& pods) override;
  // Of the first table that exists.
  Result<Counters> counters() override;
  Result<std::vector<Address>> external_addresses() override;
  // Of one that exists.
  bool has_shares() const override;
  // Of the first table that exists.
  std::vector<std::string> port_timeouts() override;
  Result<std::vector<IpMasqEntry>> ip_masq() override;

 private:
  using Existing = std::vector<MappingTable*>;

  Existing existing();
  Result<Ended> sum(const std::function<Result<Ended>(MappingTable&)>& change);
  template <class T>
  Result<std::vector<T>> join(Result<std::vector<T>> (MappingTable::*read)());

  Tables tables_;
};

}  // namespace masq
