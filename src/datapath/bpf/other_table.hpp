// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/element_type.hpp"
#include "datapath/bpf/options.hpp"
#include "os/fd.hpp"

namespace masq {

// One family's table as a program of another schema keeps it, read by what it says of itself (docs/decisions/0007).
template <class Abi>
class OtherTable {
 public:
  // `maps`: the directory of its pins. `ours`: our own map of mappings. No value: there is no table, or an unused one.
  static Result<std::optional<OtherTable>> open(const std::filesystem::path& maps, int ours);

  // The time of its last sweep, in our ticks.
  Result<std::uint32_t> clock() const;
  // What is alive, as records of ours; `since`: only what has been seen from this tick of ours on.
  Result<std::vector<typename Abi::Mapping>> read(std::optional<std::uint32_t> since) const;

 private:
  Result<std::uint32_t> control_number(const char* field) const;

  std::filesystem::path path_;
  Fd control_, slots_;
  ElementType control_type_, slot_type_;
  std::optional<RecordConverter> converter_;
};

// Whether a directory of pins may be moved from, and removed then: not if it has something else in the place of a
// table, or connections without the part that says what they are.
Result<void> check_other_table(const std::filesystem::path& maps, Family family);

}  // namespace masq
