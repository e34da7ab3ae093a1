// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/desired.hpp"

namespace masq {

// Returns the effects of the kernel's reverse path filter (net.ipv4.conf.*.rp_filter, ip-sysctl.rst) on replies if
// there are several uplinks. The sysctls are read and never changed. `directory` contains a folder for each device, and
// `all`.
std::vector<std::string> notes_on_reverse_path(const Desired& desired,
                                               const std::filesystem::path& directory = "/proc/sys/net/ipv4/conf");

}  // namespace masq
