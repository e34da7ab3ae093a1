// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/btf_layout.hpp"
#include "datapath/bpf/options.hpp"
#include "os/fd.hpp"

namespace masq::bpf {

// The table of one family in the layout of another schema, read through the BTF of its maps (docs/decisions/0007).
template <class Abi>
class ForeignTable {
 public:
  // `maps`: the directory of its pins. `ours`: this version's map of mappings. Returns nullopt if there is no table, or
  // an unused one.
  static Result<std::optional<ForeignTable>> open(const std::filesystem::path& maps, int ours);

  // Returns the time of its last sweep, in ticks of this version.
  Result<std::uint32_t> clock() const;
  // Returns the live mappings as records of this version; `since`: only those with packets from this tick on.
  Result<std::vector<typename Abi::Mapping>> read(std::optional<std::uint32_t> since) const;

 private:
  Result<std::uint32_t> control_number(const char* field) const;

  std::filesystem::path path_;
  os::Fd control_, slots_;
  BtfLayout control_type_, slot_type_;
  std::optional<RecordConverter> converter_;
};

// Fails if the pins must not be migrated and removed: another object has the place of a table, or the control map of
// existing connections is missing.
Result<void> check_foreign_table(const std::filesystem::path& maps, Family family);

}  // namespace masq::bpf
