// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "datapath/datapath.hpp"

namespace masq {

// A datapath that replaces others. Once it masquerades, it removes their objects from the kernel, so that no packet
// leaves unmasqueraded between the two. As long as it fails, the others keep working.
class ReplacingDatapath final : public Datapath {
 public:
  using Others = std::vector<std::unique_ptr<Datapath>>;

  ReplacingDatapath(std::unique_ptr<Datapath> chosen, Others others)
      : chosen_(std::move(chosen)), others_(std::move(others)) {}

  std::string name() const override { return chosen_->name(); }
  Result<Steps> apply(const Desired& desired) override;
  Result<Steps> plan(const Desired& desired) override { return chosen_->plan(desired); }
  Result<void> mappings(const std::function<void(const Mapping&)>& visit) override { return chosen_->mappings(visit); }
  Result<Counters> counters() override { return chosen_->counters(); }
  // Returns the others' set until this datapath has one.
  Result<std::vector<IpMasqEntry>> ip_masq() override;
  std::optional<std::chrono::milliseconds> retry_after() const override { return chosen_->retry_after(); }
  Result<std::vector<Address>> external_addresses() override { return chosen_->external_addresses(); }
  Result<Ended> pods_gone(const std::vector<Address>& pods) override { return chosen_->pods_gone(pods); }
  // Includes rules of other programs that masquerade the same packets.
  std::vector<std::string> notes() override;
  Result<void> watch(EventLoop& loop, std::function<void()> disturbed) override {
    return chosen_->watch(loop, std::move(disturbed));
  }
  Result<Steps> remove() override;

 private:
  Result<Steps> change(const Desired& desired);
  Result<Steps> take_place(const Desired& desired, bool& handed_over);
  Result<Steps> replace_others(Steps steps);
  Result<Steps> replace(Datapath& other);
  Error undo(const Desired& desired, bool handed_over, Error why);

  std::unique_ptr<Datapath> chosen_;
  Others others_;          // empty: they are removed
  bool is_alone_ = false;  // and no state of the change remains
};

}  // namespace masq
