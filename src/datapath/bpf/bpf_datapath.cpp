// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/bpf_datapath.hpp"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/bpf/address_orders.hpp"
#include "datapath/bpf/bpf_handover.hpp"
#include "datapath/bpf/bpf_table.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/policy_map.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/bpf/table_migration.hpp"
#include "datapath/bpf/tcx.hpp"
#include "datapath/bpf/uplink_attachments.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/event_loop.hpp"
#include "os/netlink_monitor.hpp"
#include "os/timers.hpp"

namespace masq::bpf {
namespace {

constexpr auto look_every = std::chrono::seconds(1);

bool same_policy(const Desired& a, const Desired& b) {
  return a.ipv4 == b.ipv4 && a.ipv6 == b.ipv6 && a.ip_masq_agent == b.ip_masq_agent &&
         a.ip_masq_agent_rules == b.ip_masq_agent_rules;
}

class BpfDatapath final : public Datapath {
 public:
  BpfDatapath(const std::filesystem::path& bpf_root, Attach attach)
      : pins_(bpf_root), table_(bpf_root), attach_(attach) {}

  std::string name() const override { return "BPF"; }
  Result<Steps> apply(const Desired& desired) override;
  Result<Steps> plan(const Desired& desired) override;
  MappingTable& table() override { return table_; }
  Handover& handover() override { return handover_; }
  std::optional<std::chrono::milliseconds> retry_after() const override { return address_orders_.next_step(); }
  std::vector<Finding> findings() override;
  Result<void> watch(os::EventLoop& loop, std::function<void()> disturbed) override;
  Result<Steps> remove() override;

 private:
  Result<void> load_program(const Desired& desired, const std::optional<TableMigration>& move, Steps& steps);
  Result<void> put_on_devices(const Desired& desired, Steps& steps);
  Result<void> write_maps(const Desired& desired, Steps& steps);
  Result<void> write_devices(const Desired& desired);
  bool has_its_pins() const;
  void look_after_pins(const std::function<void()>& disturbed);
  UplinkAttachments attachments() const { return {pins_, mode()}; }
  AttachMode mode() const;

  Pins pins_;
  BpfTable table_;
  Attach attach_;
  std::optional<Program> program_;
  BpfHandover handover_{pins_, program_};
  std::optional<Desired> applied_;  // the state in the maps, as applied by this process
  AddressOrders address_orders_{pins_};
  std::unique_ptr<os::NetlinkMonitor> filters_;
  std::unique_ptr<os::Timer> look_;
  bool is_pinned_ = false;  // set by the last successful apply()
};

AttachMode BpfDatapath::mode() const {
  if (attach_ != Attach::automatic) return attach_ == Attach::tcx ? AttachMode::tcx : AttachMode::clsact;
  return !program_ || kernel_has_tcx(program_->ingress()) ? AttachMode::tcx : AttachMode::clsact;
}

// Other options need another program, which uses the same pinned maps.
Result<void> BpfDatapath::load_program(const Desired& desired, const std::optional<TableMigration>& move,
                                       Steps& steps) {
  if (program_ && !(move && move->makes_table())) {
    TRY(auto options, Program::options_for(pins_, desired));
    if (options == program_->options()) return {};
  }
  TRY(auto place, move ? move->place() : Result<Pins>(pins_));
  TRY(program_, Program::load(place, desired));
  table_.set_maxima(program_->options().ipv4.max_mappings, program_->options().ipv6.max_mappings);
  steps.push_back(fmt::format("load the programs (their maps have {} MB of memory)", program_->memory() / 1'000'000));
  for (auto& line : unsupported_settings(desired, program_->options().ipv4, program_->options().ipv6))
    steps.push_back(std::move(line));
  applied_.reset();
  is_pinned_ = false;
  return {};
}

Result<void> BpfDatapath::write_maps(const Desired& desired, Steps& steps) {
  TRY_DO(write_uplinks<Abi4>(*program_, desired, steps));
  TRY_DO(write_uplinks<Abi6>(*program_, desired, steps));
  TRY_DO(write_devices(desired));
  if (applied_ && same_policy(*applied_, desired)) return {};
  steps.push_back(fmt::format("replace the policy: {} IPv4 and {} IPv6 rules", desired.ipv4.rules.size(),
                              desired.ipv6.rules.size()));
  TRY_DO(write_sources<Abi4>(*program_, desired));
  TRY_DO(write_sources<Abi6>(*program_, desired));
  TRY_DO(replace_policy<Abi4>(*program_, desired));
  return replace_policy<Abi6>(*program_, desired);
}

// Needed by new connections only, and changed with every pod: no step of its own.
Result<void> BpfDatapath::write_devices(const Desired& desired) {
  TRY_DO(write_destinations<Abi4>(*program_, desired));
  TRY_DO(write_destinations<Abi6>(*program_, desired));
  TRY_DO(write_pod_devices<Abi4>(*program_, desired));
  return write_pod_devices<Abi6>(*program_, desired);
}

Result<void> BpfDatapath::put_on_devices(const Desired& desired, Steps& steps) {
  auto uplinks = attachments();
  const UplinkAttachments::Programs programs{.ingress = program_->ingress(),
                                             .egress = program_->egress(),
                                             .ingress_l3 = program_->ingress_l3(),
                                             .egress_l3 = program_->egress_l3()};
  const auto attached = uplinks.attach(desired.uplinks, programs, false, steps);
  const auto watched = uplinks.attach_inbound(desired.inbound, programs, false, steps);
  const auto updated = uplinks.update_standby(desired.standby, programs, steps);
  const auto detached = uplinks.detach_others(desired, false, steps);
  if (!attached) return attached;
  if (!watched) return watched;
  return updated ? detached : updated;
}

// If the kernel has a table of another schema: copies its mappings, updates the devices, and copies the later changes.
Result<Steps> BpfDatapath::apply(const Desired& desired) {
  Steps steps;
  TRY_DO(pins_.tidy());
  TRY(auto move, TableMigration::find(pins_));
  TRY_DO(pins_.make_directories());
  const bool fresh = !program_;
  TRY_DO(load_program(desired, move, steps));
  const bool reloaded = fresh || !applied_;
  TRY_DO(write_maps(desired, steps));
  if (reloaded) TRY_DO(program_->start_sweep());
  if (move) TRY_DO(move->copy(*program_, steps));
  if (move) move->hold(*program_);
  auto done = put_on_devices(desired, steps);
  if (move && done) done = move->complete(*program_, steps);
  // After the update of the uplinks' addresses, so that no new mapping has a lost address.
  address_orders_.want(desired, program_->inject());
  if (address_orders_.next_step()) TRY_DO(address_orders_.step(steps));
  TRY_DO(prune_uplinks<Abi4>(*program_, desired));
  TRY_DO(prune_uplinks<Abi6>(*program_, desired));
  applied_ = desired;
  is_pinned_ = done.has_value();
  TRY_DO(done);
  return steps;
}

Result<Steps> BpfDatapath::plan(const Desired& desired) {
  Steps steps;
  if (!program_) steps.push_back("load the programs");
  TRY(const auto move, TableMigration::find(pins_));
  if (move) move->plan(steps);
  if (!applied_ || !same_policy(*applied_, desired))
    steps.push_back(fmt::format("replace the policy: {} IPv4 and {} IPv6 rules", desired.ipv4.rules.size(),
                                desired.ipv6.rules.size()));
  auto uplinks = attachments();
  TRY_DO(uplinks.attach(desired.uplinks, {}, true, steps));
  TRY_DO(uplinks.attach_inbound(desired.inbound, {}, true, steps));
  TRY_DO(uplinks.detach_others(desired, true, steps));
  return steps;
}

bool BpfDatapath::has_its_pins() const {
  const auto exists = [](const std::filesystem::path& path) { return ::access(path.c_str(), F_OK) == 0; };
  return exists(pins_.map(map_name("control", Family::ipv4))) && exists(pins_.map(map_name("control", Family::ipv6))) &&
         (mode() == AttachMode::clsact || std::ranges::all_of(applied_->uplinks, [&](const Uplink& uplink) {
            const auto device = pins_.device(uplink.name);
            return exists(device / to_string(Hook::ingress)) && exists(device / to_string(Hook::egress));
          }));
}

// Removing the pin of a link detaches the program. The next apply() pins again after a failure.
void BpfDatapath::look_after_pins(const std::function<void()>& disturbed) {
  look_->start(look_every, [this, disturbed] {
    if (is_pinned_ && !has_its_pins()) {
      is_pinned_ = false;
      disturbed();
    }
    look_after_pins(disturbed);
  });
}

// Another process can remove a tcx link only by its pin. A filter is removed with its qdisc, by any process.
Result<void> BpfDatapath::watch(os::EventLoop& loop, std::function<void()> disturbed) {
  look_ = std::make_unique<os::Timer>(loop);
  look_after_pins(disturbed);
  TRY(filters_, os::NetlinkMonitor::open(loop, RTMGRP_TC, [this, disturbed = std::move(disturbed)] {
        if (mode() == AttachMode::clsact) disturbed();
      }));
  return {};
}

std::vector<Finding> BpfDatapath::findings() {
  std::vector<Finding> findings;
  for (const auto& address : address_orders_.away())
    findings.push_back({FindingKind::address_away,
                        fmt::format("{} is unavailable: its connections wait for it for 30 s", address.to_string())});
  return findings;
}

// Works on the pins only. Handles both ways of attachment.
Result<Steps> BpfDatapath::remove() {
  Steps steps;
  std::error_code error;
  if (!std::filesystem::exists(pins_.root(), error)) return steps;
  UplinkAttachments everywhere(pins_, AttachMode::clsact);
  TRY_DO(everywhere.detach_others({}, false, steps));
  program_.reset();
  applied_.reset();
  is_pinned_ = false;
  steps.push_back(fmt::format("remove {}", pins_.root().string()));
  std::filesystem::remove_all(pins_.root(), error);
  if (error) return fail("{}: {}", pins_.root().string(), error.message());
  return steps;
}

}  // namespace

Result<std::unique_ptr<Datapath>> make_datapath(const std::filesystem::path& bpf_root, Attach attach) {
  return std::make_unique<BpfDatapath>(bpf_root, attach);
}

Result<void> probe() {
  Desired smallest;
  smallest.max_mappings = 16;
  smallest.ports = {{.low = 1024, .high = 1024}};
  smallest.kept_ports = {{.low = 1, .high = 1023}};  // else the verifier removes the code of their classes
  TRY_DO(Program::load_unpinned(smallest));
  return {};
}

}  // namespace masq::bpf
