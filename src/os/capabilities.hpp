// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "base/result.hpp"

namespace masq::os {

// Capabilities of Linux by their numbers in <linux/capability.h>.
using Capabilities = std::set<int>;

// Returns the capabilities that this process may use now.
Result<Capabilities> effective_capabilities();
// Takes all others from this process, and from the programs that it starts, for good. Those that the process does not
// have are not added.
Result<void> keep_only(const Capabilities& kept);
// Sets no_new_privs: no program that this process starts has more privileges than it.
Result<void> forbid_new_privileges();
// "CAP_NET_ADMIN"
std::string capability_name(int capability);

}  // namespace masq::os
