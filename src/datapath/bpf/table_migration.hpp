// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/datapath.hpp"

namespace masq::bpf {

// Migrates live mappings from the tables of other schemas, whose programs are still attached, to a program's own table
// (docs/decisions/0007). After a kill at any step the next start continues.
class TableMigration {
 public:
  // Returns the migration to do, or nullopt if there is none.
  static Result<std::optional<TableMigration>> find(const Pins& pins);

  // Returns true if the table must be created. It is then created beside its final place, because an incomplete table
  // must not be used.
  bool makes_table() const { return makes_table_; }
  // Returns the pins for the maps.
  Result<Pins> place() const;

  void plan(Steps& steps) const;

  // Copies the mappings while the old programs work, and moves a new table to its final place.
  Result<void> copy(const Program& program, Steps& steps);
  // Called directly before the devices get the new programs.
  void hold(const Program& program) const { program.hold(); }
  // Called when no device has an old program any more: copies the later changes, and removes the old maps.
  Result<void> complete(const Program& program, Steps& steps);

 private:
  explicit TableMigration(const Pins& pins) : pins_(pins), others_(pins.foreign_maps()) {}
  template <class Abi>
  Result<std::size_t> copy_family(const Program& program, bool again);

  Pins pins_;
  std::vector<std::filesystem::path> others_;
  bool makes_table_ = false;
  std::uint32_t copied_at_[2] = {0, 0};  // in ticks of this version
  std::size_t refused_ = 0;
};

}  // namespace masq::bpf
