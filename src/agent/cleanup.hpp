// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "model/config.hpp"

namespace masq::agent {

// Removes all masq objects from the kernel, unless an agent runs. The text lists the removed objects.
Result<std::string> clean_up(const Config& config);

}  // namespace masq::agent
