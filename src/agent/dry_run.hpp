// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"

namespace masq::agent {

// The output of `masqd --dry-run`: the desired state, and the steps that reach it. Neither function changes anything.
Result<Desired> desired_now(const Config& config);
Result<Steps> steps_to(const Config& config, const Desired& desired);

std::string render_desired(const Desired& desired);
std::string render_steps(const Steps& steps);

}  // namespace masq::agent
