// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"

namespace masq::nftables {

// Returns true if the kernel has a table of the family inet with this name. Reads nothing else, and needs no program.
Result<bool> has_table(const std::string& name);

}  // namespace masq::nftables
