// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/desired.hpp"

namespace masq {

// What the kernel's reverse path filter (net.ipv4.conf.*.rp_filter, ip-sysctl.rst) does to answers where there are
// several uplinks. It is looked at and said, never changed. `directory` holds a folder for each device, and `all`.
std::vector<std::string> notes_on_reverse_path(const Desired& desired,
                                               const std::filesystem::path& directory = "/proc/sys/net/ipv4/conf");

}  // namespace masq
