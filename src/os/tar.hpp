// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "base/result.hpp"

namespace masq::os {

struct TarEntry {
  std::string name;  // a relative path of at most 100 bytes
  std::string text;
};

// Returns an archive of regular files in the ustar format (POSIX.1-2017, pax, "ustar Interchange Format"), readable for
// their owner only. Fails if a name is too long.
Result<std::string> make_tar(std::span<const TarEntry> entries, std::chrono::system_clock::time_point time);

}  // namespace masq::os
