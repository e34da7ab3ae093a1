// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/nftables_datapath.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/netfilter/connections.hpp"
#include "datapath/netfilter/conntrack_handover.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/guard.hpp"
#include "datapath/nftables/guard_table.hpp"
#include "datapath/nftables/kernel_tables.hpp"
#include "datapath/nftables/machine.hpp"
#include "datapath/nftables/nft_reader.hpp"
#include "datapath/nftables/nft_table.hpp"
#include "datapath/nftables/nftables_table.hpp"
#include "datapath/nftables/ruleset.hpp"
#include "datapath/nftables/table_monitor.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/event_loop.hpp"

namespace masq::nftables {
namespace {

constexpr const char* our_tables[] = {netfilter::nft_table_name, netfilter::nft_guard_name};

// Returns the uplinks, and the standby devices that were guarded before.
std::vector<std::string> guarded_devices(const Desired& desired, const std::optional<NftTable>& actual) {
  std::vector<std::string> devices;
  for (const auto& uplink : desired.uplinks) devices.push_back(uplink.name);
  if (actual) {
    const auto set = std::ranges::find(actual->sets, nft_guarded_set, &NftSet::name);
    for (const auto& device : desired.standby)
      if (set != actual->sets.end() && std::ranges::binary_search(set->elements, device.name))
        devices.push_back(device.name);
  }
  std::ranges::sort(devices);
  const auto [first, last] = std::ranges::unique(devices);
  devices.erase(first, last);
  return devices;
}

class NftablesDatapath final : public Datapath {
 public:
  explicit NftablesDatapath(Machine machine)
      : machine_(std::move(machine)), table_(machine_.list, machine_.has_table) {}

  std::string name() const override { return "nftables"; }
  Result<Steps> apply(const Desired& desired) override;
  Result<Steps> plan(const Desired& desired) override;
  Result<void> check(const Desired& desired) override;
  MappingTable& table() override { return table_; }
  Handover& handover() override { return handover_; }
  // Without an event, the table is as it was read.
  std::optional<std::chrono::steady_clock::time_point> read_back_at() const override {
    return monitor_ ? monitor_->checked_at() : std::nullopt;
  }
  std::vector<Finding> findings() override {
    return netfilter::findings_on_connection_table(netfilter::connection_table());
  }
  Result<void> watch(os::EventLoop& loop, std::function<void()> disturbed) override;
  Result<Steps> remove() override;

 private:
  struct Plan {
    NftTable masq;
    NftChange change;
    Guard guard;
  };

  Result<Plan> make_plan(const Desired& desired);
  void forget() {
    is_known_ = false;
    if (!machine_.guard_has_owner) guard_.reset();
  }
  Result<Steps> apply_once(const Desired& desired);
  Result<void> write_guard(const Guard& guard);
  Result<void> change_table(const std::string& commands);
  Result<void> mend(const Desired& desired, Steps& steps);

  Machine machine_;
  NftablesTable table_;
  netfilter::ConntrackHandover handover_{[this] { return table_.exists(); }};
  bool is_known_ = false;  // masq_ equals the kernel's table
  std::optional<NftTable> masq_;
  std::optional<Guard> guard_;  // set after this process created it; the kernel rejects changes by other processes
  bool unmended_ = false;       // connections may have started without masquerading
  std::unique_ptr<TableMonitor> monitor_;
};

Result<NftablesDatapath::Plan> NftablesDatapath::make_plan(const Desired& desired) {
  if (!is_known_) {
    masq_.reset();
    TRY(const auto exists, machine_.has_table(netfilter::nft_table_name));
    if (exists) {
      TRY(masq_, read_nft_table(machine_.list, netfilter::nft_table_name));
    }
    is_known_ = true;
  }
  const auto devices = guarded_devices(desired, masq_);
  Plan plan{.masq = masq_table(desired, devices), .change = {}, .guard = make_guard(desired, devices)};
  plan.change = nftables::change_table(masq_, plan.masq);
  if (guard_ != plan.guard)
    plan.change.steps.push_back(fmt::format("nftables: {} the table inet {}",
                                            guard_ ? "change the elements of" : "create", netfilter::nft_guard_name));
  return plan;
}

// Two transactions: the guard belongs to a socket of this process. First it passes what the old or the new rules pass.
Result<Steps> NftablesDatapath::apply_once(const Desired& desired) {
  TRY(auto plan, make_plan(desired));
  if (!guard_) TRY_DO(machine_.check_guard(plan.guard));
  if (guard_) TRY_DO(write_guard(between(*guard_, plan.guard)));
  if (!plan.change.text.empty()) {
    const auto done = change_table(plan.change.text);
    if (!done) forget();
    TRY_DO(done);
    if (!masq_) unmended_ = true;
    masq_ = std::move(plan.masq);
  }
  TRY_DO(write_guard(plan.guard));
  // Without the monitor no event reports a change, so the table is read each time.
  if (!monitor_) forget();
  return std::move(plan.change.steps);
}

Result<void> NftablesDatapath::write_guard(const Guard& guard) {
  if (guard_ == guard) return {};
  TRY_DO(machine_.write_guard(guard));
  guard_ = guard;
  return {};
}

Result<void> NftablesDatapath::change_table(const std::string& commands) {
  return monitor_ ? monitor_->run([&] { return machine_.run(commands); }) : machine_.run(commands);
}

// Connections that started without masquerading continue so until their conntrack entry is deleted.
Result<void> NftablesDatapath::mend(const Desired& desired, Steps& steps) {
  if (!unmended_) return {};
  TRY(const auto mended, machine_.mend_connections(desired));
  unmended_ = false;
  if (mended > 0) steps.push_back(fmt::format("conntrack: end {} connections that were not masqueraded", mended));
  return {};
}

// The cached table may be outdated, if another process changed it and its event is still pending. Then the kernel
// rejects the change, and the table is read.
Result<Steps> NftablesDatapath::apply(const Desired& desired) {
  const bool remembered = is_known_;
  auto steps = apply_once(desired);
  if (!steps && remembered) steps = apply_once(desired);
  if (steps) TRY_DO(mend(desired, *steps));
  return steps;
}

Result<Steps> NftablesDatapath::plan(const Desired& desired) {
  forget();
  TRY(auto plan, make_plan(desired));
  return std::move(plan.change.steps);
}

// The kernel validates the whole transaction and does not commit it.
Result<void> NftablesDatapath::check(const Desired& desired) {
  forget();
  TRY(auto plan, make_plan(desired));
  if (guard_ != plan.guard) TRY_DO(machine_.check_guard(plan.guard));
  return plan.change.text.empty() ? Result<void>() : machine_.check(plan.change.text);
}

Result<void> NftablesDatapath::watch(os::EventLoop& loop, std::function<void()> disturbed) {
  TRY(monitor_, TableMonitor::open(loop, {std::begin(our_tables), std::end(our_tables)},
                                   [this, disturbed = std::move(disturbed)] {
                                     forget();
                                     disturbed();
                                   }));
  forget();
  return {};
}

Result<Steps> NftablesDatapath::remove() {
  Steps steps;
  for (const auto* table : our_tables) {
    TRY(const auto exists, machine_.has_table(table));
    if (exists) steps.push_back(fmt::format("nftables: delete the table inet {}", table));
  }
  machine_.release_guard();
  std::string commands;
  for (const auto* table : our_tables) {  // also a guard without an owner
    TRY(const auto exists, machine_.has_table(table));
    if (exists) commands += fmt::format("delete table inet {}\n", table);
  }
  forget();
  guard_.reset();
  if (!commands.empty()) TRY_DO(change_table(commands));
  return steps;
}

// Contains every kind of rule and set.
Desired sample() {
  Desired desired;
  const auto pods4 = Cidr(Address::from_bytes(std::array<std::uint8_t, 4>{10, 0, 0, 0}), 8);
  const auto pods6 = Cidr(Address::from_bytes(std::array<std::uint8_t, 16>{0xfd}), 8);
  desired.ipv4.sources = {pods4};
  desired.ipv6.sources = {pods6};
  desired.uplinks = {{.ifindex = 1,
                      .name = "lo",
                      .ipv4 = {pods4.address(), AddressRange::of(pods4).last},
                      .ipv6 = {pods6.address(), AddressRange::of(pods6).last}}};
  desired.ports = {{.low = 1024, .high = 2000}, {.low = 3000, .high = 65535}};
  return desired;
}

}  // namespace

Result<Machine> Machine::open() {
  TRY_DO(netfilter::Nft::find());
  TRY_DO(nftables::has_table(netfilter::nft_table_name));
  const auto guard = std::make_shared<GuardTable>();
  return Machine{.run = netfilter::Nft::run,
                 .check = netfilter::Nft::check,
                 .list = netfilter::Nft::list,
                 .has_table = nftables::has_table,
                 .write_guard = [guard](const Guard& wanted) { return guard->write(wanted); },
                 .check_guard = [guard](const Guard& wanted) { return guard->check(wanted); },
                 .release_guard = [guard] { guard->release(); },
                 .guard_has_owner = guard->has_owner(),
                 .mend_connections = netfilter::mend_connections};
}

Result<std::unique_ptr<Datapath>> make_datapath() {
  TRY(auto machine, Machine::open());
  return make_datapath(std::move(machine));
}

Result<std::unique_ptr<Datapath>> make_datapath(Machine machine) {
  return std::make_unique<NftablesDatapath>(std::move(machine));
}

Result<void> probe() {
  TRY(const auto machine, Machine::open());
  auto table = masq_table(sample(), {"lo"});
  table.name = "masq-probe";
  return machine.check(render_table(table));
}

}  // namespace masq::nftables
