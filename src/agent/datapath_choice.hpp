// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/backends.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "model/finding.hpp"

namespace masq::agent {

struct DatapathChoice {
  DatapathKind kind = DatapathKind::bpf;
  std::unique_ptr<Datapath> datapath;  // of this kind; its first successful apply() replaces the others
  std::string reason;                  // "auto: the first datapath that this machine supports", "as configured"
  std::vector<CapabilityNeed> needs;   // of this datapath
  std::vector<Finding> findings;       // auto could not take a better datapath for want of a right or of memory
};

// Returns the configured datapath; for auto the first datapath that the machine supports. Once it masquerades, it
// removes the state of the others.
Result<DatapathChoice> choose_datapath(const Config& config);

// Removes the state of all datapaths from the kernel, and returns the steps.
Result<Steps> remove_datapaths(const Config& config);

}  // namespace masq::agent
