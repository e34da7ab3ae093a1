// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/table_migration.hpp"

#include <fmt/format.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/bpf/foreign_table.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/datapath.hpp"

namespace masq::bpf {
namespace {

// `seen` is written once a second, so a change may be hidden for this many ticks.
constexpr std::uint32_t refresh_ticks = 10;

// Returns true if this version has a complete table.
Result<bool> is_whole(const Pins& pins) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    TRY(const auto control, find_control(pins, family));
    if (!control || control->schema == 0) return false;
  }
  return true;
}

// Waits until every program that runs now has ended: an RCU grace period of the kernel.
void wait_for_running_programs() {
  syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

}  // namespace

Result<std::optional<TableMigration>> TableMigration::find(const Pins& pins) {
  TableMigration move(pins);
  if (move.others_.empty()) return std::nullopt;
  for (const auto& maps : move.others_)
    for (const Family family : {Family::ipv4, Family::ipv6}) TRY_DO(check_foreign_table(maps, family));
  TRY(const auto whole, is_whole(pins));
  move.makes_table_ = !whole;
  return move;
}

Result<Pins> TableMigration::place() const {
  if (!makes_table_) return pins_;
  auto unfinished = pins_.unfinished();
  TRY_DO(make_directory(unfinished.maps()));
  return unfinished;
}

template <class Abi>
Result<std::size_t> TableMigration::copy_family(const Program& program, bool again) {
  std::size_t count = 0;
  auto& copied_at = copied_at_[Abi::family == Family::ipv4 ? 0 : 1];
  for (const auto& maps : others_) {
    TRY(auto table, ForeignTable<Abi>::open(maps, program.map(map_name("mappings", Abi::family))));
    if (!table) continue;
    TRY(const auto clock, table->clock());
    TRY(auto mappings, table->read(again ? std::optional(copied_at - refresh_ticks) : std::nullopt));
    TRY(auto refused, program.adopt<Abi>(mappings));
    count += mappings.size();
    if (!again) refused_ += refused;
    copied_at = copied_at == 0 ? clock : std::min(copied_at, clock);
  }
  return count;
}

void TableMigration::plan(Steps& steps) const {
  for (const auto& maps : others_)
    steps.push_back(fmt::format("move the mappings of {} to {}", maps.string(), pins_.maps().string()));
}

Result<void> TableMigration::copy(const Program& program, Steps& steps) {
  copied_at_[0] = copied_at_[1] = 0;
  refused_ = 0;
  TRY(auto ipv4, copy_family<Abi4>(program, false));
  TRY(auto ipv6, copy_family<Abi6>(program, false));
  plan(steps);
  if (refused_ != 0)
    steps.push_back(fmt::format("{} of {} connections do not fit into the table", refused_, ipv4 + ipv6));
  if (!makes_table_) return {};
  if (auto finished = pins_.finish(); !finished) return finished;
  makes_table_ = false;
  return {};
}

Result<void> TableMigration::complete(const Program& program, Steps& steps) {
  wait_for_running_programs();
  auto ipv4 = copy_family<Abi4>(program, true);
  auto ipv6 = copy_family<Abi6>(program, true);
  program.release();
  TRY_DO(ipv4);
  TRY_DO(ipv6);
  for (const auto& maps : others_) {
    steps.push_back(fmt::format("remove {}", maps.string()));
    if (auto removed = Pins::remove_maps(maps); !removed) return removed;
  }
  return {};
}

}  // namespace masq::bpf
