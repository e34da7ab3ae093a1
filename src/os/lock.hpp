// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq::os {

// Locks that a process holds while the descriptor is open; the kernel releases them when the process ends. `who` is the
// name of the program. If another process has the lock, the error reads "another WHO runs already: …".

// Locks a file, and creates it if it is missing. The file is not removed; it contains the process id of its last owner.
// A file of another user is replaced.
Result<Fd> lock_file(const std::filesystem::path& path, std::string_view who);
// Locks a directory of any file system; the owner cannot be determined. Everybody who can open it can hold the lock.
Result<Fd> lock_directory(const std::filesystem::path& path, std::string_view who);
// Locks a name in this process's network namespace. Every user can take such a name. A name of another user than root
// is ignored; the descriptor is then empty. A process of root counts also while it is stopped.
Result<Fd> lock_network_namespace(std::string_view name, std::string_view who);
// A process that queries the owner of the name leaves a connection. Call this when the descriptor is readable, so that
// the next query is answered too.
void drain_connections(int lock);

}  // namespace masq::os
