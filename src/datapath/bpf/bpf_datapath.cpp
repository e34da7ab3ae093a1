// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/bpf_datapath.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
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
#include "datapath/bpf/hook_check.hpp"
#include "datapath/bpf/neighbour_doubts.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pin_check.hpp"
#include "datapath/bpf/pin_watch.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/policy_map.hpp"
#include "datapath/bpf/policy_rules.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/bpf/table_migration.hpp"
#include "datapath/bpf/tcx.hpp"
#include "datapath/bpf/uplink_attachments.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"
#include "os/netlink_monitor.hpp"
#include "os/timers.hpp"

namespace masq::bpf {
namespace {

constexpr auto look_every = std::chrono::seconds(1);
constexpr std::size_t many_programs = 128;
constexpr auto look_at_many_every = std::chrono::milliseconds(2500);

bool same_policy(const Desired& a, const Desired& b) {
  return a.ipv4 == b.ipv4 && a.ipv6 == b.ipv6 && a.ip_masq_agent == b.ip_masq_agent &&
         a.ip_masq_agent_rules == b.ip_masq_agent_rules;
}

std::string policy_step(const Desired& desired) {
  return fmt::format("write the policy: {} IPv4 and {} IPv6 rules", desired.ipv4.rules.size(),
                     desired.ipv6.rules.size());
}

class BpfDatapath final : public Datapath {
 public:
  BpfDatapath(const std::filesystem::path& bpf_root, Attach attach)
      : pins_(bpf_root),
        table_(bpf_root),
        attach_(attach),
        mode_(attach == Attach::clsact ? AttachMode::clsact : AttachMode::tcx) {}

  std::string name() const override { return "BPF"; }
  Result<Steps> apply(const Desired& desired) override;
  Result<Steps> plan(const Desired& desired) override;
  MappingTable& table() override { return table_; }
  Handover& handover() override { return handover_; }
  std::optional<std::chrono::milliseconds> retry_after() const override { return address_orders_.next_step(); }
  std::optional<std::chrono::steady_clock::time_point> read_back_at() const override { return read_back_at_; }
  std::vector<Finding> findings() override;
  Result<void> watch(os::EventLoop& loop, std::function<void()> disturbed) override;
  Result<Steps> remove() override;

 private:
  Result<void> load_program(const Desired& desired, const std::optional<TableMigration>& move, Steps& steps);
  Result<void> put_on_devices(const Desired& desired, Steps& steps);
  Result<void> write_maps(const Desired& desired, Steps& steps);
  template <class Rules>
  Result<void> write_rules(Rules& rules, const Desired& desired);
  Result<void> write_devices(const Desired& desired);
  UplinkAttachments::Programs programs() const;
  bool has_pin(const std::filesystem::path& map) const;
  Result<void> restore_map_pins(Steps& steps) const;
  void read_back();
  void look(const std::function<void()>& disturbed);
  void verify_neighbours();
  bool is_undisturbed() const;
  UplinkAttachments attachments() const { return {pins_, mode_}; }
  void choose_mode();

  Pins pins_;
  BpfTable table_;
  Attach attach_;
  AttachMode mode_ = AttachMode::tcx;
  std::optional<Program> program_;
  BpfHandover handover_{pins_, program_};
  PolicyRules<Abi4> ipv4_rules_;
  PolicyRules<Abi6> ipv6_rules_;
  std::optional<Desired> applied_;  // the state in the maps, as applied by this process
  AddressOrders address_orders_{pins_};
  std::unique_ptr<os::NetlinkMonitor> filters_;
  std::unique_ptr<os::Timer> look_;
  // Set by the last successful apply().
  bool is_in_force_ = false;
  PinWatch pinned_;
  std::vector<ExpectedProgram> expected_;
  NeighbourDoubts neighbour_doubts_;
  std::vector<Finding> hook_findings_;  // of the last look
  std::optional<std::chrono::steady_clock::time_point> read_back_at_;
};

void BpfDatapath::choose_mode() {
  const bool has_tcx = attach_ == Attach::automatic ? kernel_has_tcx(program_->ingress()) : attach_ == Attach::tcx;
  mode_ = has_tcx ? AttachMode::tcx : AttachMode::clsact;
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
  choose_mode();
  table_.set_room({program_->options().ipv4.max_mappings, program_->memory(Family::ipv4)},
                  {program_->options().ipv6.max_mappings, program_->memory(Family::ipv6)});
  steps.push_back(fmt::format("load the programs (their maps have {} MB of memory)", program_->memory() / 1'000'000));
  for (auto& line : unsupported_settings(desired, program_->options().ipv4, program_->options().ipv6))
    steps.push_back(std::move(line));
  applied_.reset();
  is_in_force_ = false;
  return {};
}

Result<void> BpfDatapath::write_maps(const Desired& desired, Steps& steps) {
  TRY_DO(write_uplinks<Abi4>(*program_, desired, steps));
  TRY_DO(write_uplinks<Abi6>(*program_, desired, steps));
  TRY_DO(write_devices(desired));
  if (applied_ && same_policy(*applied_, desired)) return {};
  steps.push_back(policy_step(desired));
  TRY_DO(write_sources<Abi4>(*program_, desired));
  TRY_DO(write_sources<Abi6>(*program_, desired));
  TRY_DO(write_rules(ipv4_rules_, desired));
  return write_rules(ipv6_rules_, desired);
}

// Another process may have replaced the rules that an earlier load of the programs knew.
template <class Rules>
Result<void> BpfDatapath::write_rules(Rules& rules, const Desired& desired) {
  return applied_ ? rules.change(*program_, desired) : rules.replace(*program_, desired);
}

// Needed by new connections only, and changed with every pod: no step of its own.
Result<void> BpfDatapath::write_devices(const Desired& desired) {
  TRY_DO(write_destinations<Abi4>(*program_, desired));
  TRY_DO(write_destinations<Abi6>(*program_, desired));
  TRY_DO(write_pod_devices<Abi4>(*program_, desired));
  return write_pod_devices<Abi6>(*program_, desired);
}

UplinkAttachments::Programs BpfDatapath::programs() const {
  return {.ingress = program_->ingress(),
          .egress = program_->egress(),
          .ingress_l3 = program_->ingress_l3(),
          .egress_l3 = program_->egress_l3(),
          .bridge = program_->bridge()};
}

Result<void> BpfDatapath::put_on_devices(const Desired& desired, Steps& steps) {
  auto uplinks = attachments();
  const auto attached = uplinks.attach(desired.uplinks, programs(), false, steps);
  const auto watched = uplinks.attach_inbound(desired.inbound, programs(), false, steps);
  const auto updated = uplinks.update_standby(desired.standby, programs(), steps);
  const auto detached = uplinks.detach_others(desired, false, steps);
  const auto bridged = uplinks.attach_bridges(uplinks.bridges_to_watch(desired), programs(), false, steps);
  if (!attached) return attached;
  if (!bridged) return bridged;
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
  TRY_DO(restore_map_pins(steps));
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
  is_in_force_ = done.has_value();
  TRY_DO(done);
  TRY(expected_, expected_programs(desired, attachments().bridges_to_watch(desired), programs()));
  pinned_ = PinWatch::of(pins_, program_->map_pins(pins_), [this](const auto& path) { return has_pin(path); });
  read_back();
  return steps;
}

Result<Steps> BpfDatapath::plan(const Desired& desired) {
  Steps steps;
  if (!program_) steps.push_back("load the programs");
  TRY(const auto move, TableMigration::find(pins_));
  if (move) move->plan(steps);
  if (!applied_ || !same_policy(*applied_, desired)) steps.push_back(policy_step(desired));
  auto uplinks = attachments();
  TRY_DO(uplinks.attach(desired.uplinks, {}, true, steps));
  TRY_DO(uplinks.attach_inbound(desired.inbound, {}, true, steps));
  TRY_DO(uplinks.detach_others(desired, true, steps));
  TRY_DO(uplinks.attach_bridges(uplinks.bridges_to_watch(desired), {}, true, steps));
  return steps;
}

// Returns true if the loaded programs use the map that is pinned there.
bool BpfDatapath::has_pin(const std::filesystem::path& map) const {
  return is_same_map(program_->map(map.filename().string()), os::Fd(bpf_obj_get(map.c_str())).get());
}

// The programs use maps whose pins another process removed: the next start needs the pins.
Result<void> BpfDatapath::restore_map_pins(Steps& steps) const {
  if (!program_) return {};
  for (const auto& path : pinned_.removed()) {
    const int map = program_->map(path.filename().string());
    if (path.parent_path() != pins_.maps() || map < 0) continue;
    if (bpf_obj_pin(map, path.c_str()) != 0) return fail("pin {}: {}", path.string(), std::strerror(errno));
    steps.push_back(fmt::format("pin {} again", path.string()));
  }
  return {};
}

// Reads from the kernel what the last apply() has put there.
void BpfDatapath::read_back() {
  read_back_at_ = std::chrono::steady_clock::now();
  hook_findings_ = check_hooks(expected_, mode_);
  for (const auto& path : pinned_.replaced())
    hook_findings_.push_back(
        {FindingKind::drift,
         fmt::format("{}: not masq's any more; `masqd --cleanup` and a start of masqd mend it", path.string())});
}

bool BpfDatapath::is_undisturbed() const {
  return pinned_.removed().empty() && std::ranges::none_of(hook_findings_, [](const Finding& finding) {
           return finding.kind == FindingKind::drift;
         });
}

// A failure does no harm: the next packet of the sender raises the doubt again.
void BpfDatapath::verify_neighbours() {
  if (!applied_ || applied_->bridges.empty()) return;
  [[maybe_unused]] const auto asked = neighbour_doubts_.verify(program_->map("arrivals"));
}

// Removing the pin of a link detaches the program. The kernel announces neither that, nor a detached link, nor another
// program on the hook. After a failed apply() the reconciler tries again.
void BpfDatapath::look(const std::function<void()>& disturbed) {
  const auto pause = expected_.size() <= many_programs ? std::chrono::milliseconds(look_every) : look_at_many_every;
  look_->start(pause, [this, disturbed] {
    look(disturbed);
    if (is_in_force_) read_back();
    if (is_in_force_) verify_neighbours();
    if (is_in_force_ && !is_undisturbed()) disturbed();
  });
}

// A filter is removed with its qdisc, by any process, and the kernel announces it.
Result<void> BpfDatapath::watch(os::EventLoop& loop, std::function<void()> disturbed) {
  look_ = std::make_unique<os::Timer>(loop);
  look(disturbed);
  TRY(filters_, os::NetlinkMonitor::open(loop, RTMGRP_TC, [this, disturbed = std::move(disturbed)] {
        if (mode_ == AttachMode::clsact) disturbed();
      }));
  return {};
}

std::vector<Finding> BpfDatapath::findings() {
  auto findings = hook_findings_;
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
  is_in_force_ = false;
  expected_.clear();
  pinned_ = {};
  hook_findings_.clear();
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
