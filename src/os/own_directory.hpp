// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "base/result.hpp"

namespace masq::os {

// Creates a directory with this mode, unless it exists. Fails if others can replace what is in it: it belongs to
// another user than this process or root, or others can write to it and it is not sticky (like /tmp).
Result<void> make_own_directory(const std::filesystem::path& path, mode_t mode);

// Returns true if users other than the owner may open the directory, and so hold a lock on it.
Result<bool> is_open_to_others(const std::filesystem::path& path);

// Returns the same error for an existing directory. A missing one is no error.
Result<void> check_own_directory(const std::filesystem::path& path);

}  // namespace masq::os
