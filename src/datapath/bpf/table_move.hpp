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

namespace masq {

// The way of live mappings from the tables of other schemas, whose programs stand on the devices, into a program's own
// (docs/decisions/0007). Whatever it is killed in the middle of, the next one goes on.
class TableMove {
 public:
  // What there is to move; no value: nothing.
  static Result<std::optional<TableMove>> find(const Pins& pins);

  // A table that is not there yet is made beside its place: one that was left half full is not one to go on with.
  bool makes_table() const { return makes_table_; }
  // Where the maps are to be pinned.
  Result<Pins> place() const;

  void plan(Steps& steps) const;

  // While the old programs work: copies, and gives a table that was made its place.
  Result<void> copy(const Program& program, Steps& steps);
  // Right before the devices get the new programs.
  void hold(const Program& program) const { program.hold(); }
  // When no device has an old program any more: what they did meanwhile, and their maps go.
  Result<void> complete(const Program& program, Steps& steps);

 private:
  explicit TableMove(const Pins& pins) : pins_(pins), others_(pins.other_maps()) {}
  template <class Abi>
  Result<std::size_t> copy_family(const Program& program, bool again);

  Pins pins_;
  std::vector<std::filesystem::path> others_;
  bool makes_table_ = false;
  std::uint32_t copied_at_[2] = {0, 0};  // our tick
  std::size_t refused_ = 0;
};

}  // namespace masq
