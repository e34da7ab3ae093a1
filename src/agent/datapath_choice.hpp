// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"

namespace masq {

struct DatapathChoice {
  std::unique_ptr<Datapath> datapath;
  std::string reason;  // "auto: the first that this machine can run", "as configured"
};

// The datapath that the option asks for; automatic: the first that this machine can run.
Result<DatapathChoice> choose_datapath(const Config& config);

}  // namespace masq
