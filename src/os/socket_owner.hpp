// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace masq::os {

// Returns the user whose socket listens on a name of this network namespace's abstract space; absent: none does. Needs
// no answer of the process. Fails if the kernel cannot tell (CONFIG_UNIX_DIAG; the user since Linux 5.3). sock_diag(7).
Result<std::optional<uid_t>> listener_of_abstract_name(std::string_view name);

}  // namespace masq::os
