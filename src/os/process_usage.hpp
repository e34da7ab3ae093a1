// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace masq::os {

// Resources that this process uses. A value that cannot be read is 0.
struct ProcessUsage {
  double cpu_seconds = 0;  // user and system
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t max_descriptors = 0;
};

ProcessUsage read_process_usage();

}  // namespace masq::os
