// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq {

// Locks that one process has as long as the descriptor is open; the kernel releases them when it dies. `who` is the
// program that takes them: when another one has the lock, the error reads "another WHO runs already: …".

// A file, created when it is missing; it stays behind, holding the last owner's process id.
Result<Fd> lock_file(const std::filesystem::path& path, std::string_view who);
// A directory, of any file system; the owner is not known.
Result<Fd> lock_directory(const std::filesystem::path& path, std::string_view who);
// A name in this process's network namespace. Names are open to everyone: one that is held by another user than
// root, or by nobody who answers, is no lock of ours and is ignored (the descriptor is then empty).
Result<Fd> lock_network_namespace(std::string_view name, std::string_view who);
// Whoever asked who has the name leaves a connection behind: call this when the descriptor is readable, so that the
// next one gets an answer too.
void drain_connections(int lock);

}  // namespace masq
