// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"

namespace masq {

// What `masqd --dry-run` prints: the desired state, and the steps to it. Changes nothing.
Result<std::string> dry_run(const Config& config);

std::string render_desired(const Desired& desired);
std::string render_steps(const Steps& steps);

}  // namespace masq
