// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

namespace masq::os {

// Allows this process, and the programs that it starts, the system calls of the list in the source file only. Another
// one fails with EPERM; one that is newer than the list fails with ENOSYS, so that a later C library uses an older one
// instead. A kernel with audit logs it (type 1326). Needs no_new_privs. Cannot be undone.
Result<void> filter_system_calls();

}  // namespace masq::os
