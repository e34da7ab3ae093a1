// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace masq {

// False also when there is nothing at `path`.
Result<bool> is_bpffs(const std::filesystem::path& path);
// Mounts a bpffs at `path`, creating the directory; does nothing when it is one already.
Result<void> make_bpffs(const std::filesystem::path& path);

}  // namespace masq
