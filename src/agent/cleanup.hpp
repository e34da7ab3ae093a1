// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "model/config.hpp"

namespace masq {

// Takes everything of masq out of the kernel, unless an agent runs; the text says what was there.
Result<std::string> clean_up(const Config& config);

}  // namespace masq
