// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/mapping_table.hpp"

namespace masq {

// A table of values.
class FakeTable : public MappingTable {
 public:
  FakeTable() = default;
  explicit FakeTable(std::vector<Mapping> live) : mappings(std::move(live)) {}
  explicit FakeTable(std::vector<IpMasqEntry> entries) : listed(std::move(entries)) {}
  static FakeTable missing() {
    FakeTable table;
    table.is_pinned = false;
    return table;
  }

  Result<bool> exists() override { return is_pinned; }
  Result<void> for_each(const MappingVisitor& visit) override {
    if (!is_pinned) return not_pinned();
    std::ranges::for_each(mappings, visit);
    return {};
  }
  Result<Ended> end(const MappingFilter& wanted) override {
    if (!is_pinned) return not_pinned();
    Ended ended;
    std::erase_if(mappings, [&](const Mapping& mapping) {
      if (!wanted(mapping)) return false;
      ++(mapping.bypass_reason.empty() ? ended.mappings : ended.bypassed);
      return true;
    });
    return ended;
  }
  Result<Ended> quarantine(const std::vector<Address>& pods) override {
    return end([&](const Mapping& mapping) { return std::ranges::binary_search(pods, mapping.pod); });
  }
  bool has_shares() const override { return shares; }
  Result<Counters> counters() override { return Counters(); }
  Result<std::vector<IpMasqEntry>> ip_masq() override {
    if (!is_pinned) return not_pinned();
    return listed;
  }

  std::vector<Mapping> mappings;
  std::vector<IpMasqEntry> listed;
  bool is_pinned = true;
  bool shares = false;

 private:
  static std::unexpected<Error> not_pinned() { return fail("nothing of masq is pinned in /bpf/masq"); }
};

}  // namespace masq
