// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"

namespace masq::bpf {

// Suspends and resumes the pinned table, and imports mappings by a loaded program.
class BpfHandover final : public Handover {
 public:
  // `program`: without a value nothing is imported until the commit.
  BpfHandover(const Pins& pins, const std::optional<Program>& program) : pins_(pins), program_(program) {}

  Result<bool> suspend() override;
  Result<void> resume(const Desired& desired) override;
  Result<void> import_mappings(const std::vector<Mapping>& live) override;
  Result<void> commit_import(const std::vector<Mapping>& live) override;
  void abort_import() override;

 private:
  template <class Abi>
  Result<void> import_family(const std::vector<Mapping>& live) const;

  const Pins& pins_;
  const std::optional<Program>& program_;
};

}  // namespace masq::bpf
