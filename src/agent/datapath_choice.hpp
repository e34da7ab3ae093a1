// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"

namespace masq {

struct DatapathChoice {
  DatapathKind kind = DatapathKind::bpf;
  std::unique_ptr<Datapath> datapath;
  std::string reason;  // "auto: the first that this machine can run", "as configured"
};

// The datapath that the option asks for; automatic: the first that this machine can run. Once it masquerades it removes
// what others left.
Result<DatapathChoice> choose_datapath(const Config& config);

// Takes everything of every datapath out of the kernel; returns what was there.
Result<Steps> remove_datapaths(const Config& config);

}  // namespace masq
