// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace masq::os {

// Returns false also if `path` does not exist.
Result<bool> is_bpffs(const std::filesystem::path& path);
// Mounts a bpffs at `path` and creates the directory. Does nothing if `path` is a bpffs already.
Result<void> make_bpffs(const std::filesystem::path& path);

}  // namespace masq::os
