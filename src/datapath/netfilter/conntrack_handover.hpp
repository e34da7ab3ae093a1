// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/connections.hpp"

namespace masq::netfilter {

// Imports connections into conntrack, which translates them at once. Connections in conntrack cannot be suspended.
class ConntrackHandover final : public Handover {
 public:
  // `rules_exist` returns true if the rules of both families are in the kernel.
  explicit ConntrackHandover(std::function<Result<bool>()> rules_exist) : rules_exist_(std::move(rules_exist)) {}

  Result<bool> is_active() override { return rules_exist_(); }
  Result<void> import_mappings(const std::vector<Mapping>& live) override { return take_over_connections(live); }

 private:
  std::function<Result<bool>()> rules_exist_;
};

}  // namespace masq::netfilter
