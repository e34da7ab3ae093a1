// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/handover.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/foreign_rules_watch.hpp"
#include "model/desired.hpp"
#include "os/event_loop.hpp"

namespace masq {

// A datapath that replaces others at its first successful apply() (handover.hpp). As long as it fails, the others keep
// working.
class ReplacingDatapath final : public Datapath {
 public:
  using Others = DatapathChange::Others;

  ReplacingDatapath(std::unique_ptr<Datapath> chosen, Others others)
      : chosen_(std::move(chosen)), others_(std::move(others)) {}

  std::string name() const override { return chosen_->name(); }
  Result<Steps> apply(const Desired& desired) override;
  Result<Steps> plan(const Desired& desired) override { return chosen_->plan(desired); }
  MappingTable& table() override { return chosen_->table(); }
  Handover& handover() override { return chosen_->handover(); }
  std::optional<std::chrono::milliseconds> retry_after() const override { return chosen_->retry_after(); }
  std::optional<std::chrono::steady_clock::time_point> read_back_at() const override { return chosen_->read_back_at(); }
  // Includes rules of other programs that masquerade the same packets.
  std::vector<Finding> findings() override;
  Result<void> watch(os::EventLoop& loop, std::function<void()> disturbed) override;
  Result<Steps> remove() override;

 private:
  std::unique_ptr<Datapath> chosen_;
  Others others_;                                                    // empty: they are removed
  bool is_alone_ = false;                                            // and no state of the change remains
  std::unique_ptr<netfilter::ForeignRulesOfMachine> foreign_rules_;  // null: not watched
};

}  // namespace masq
