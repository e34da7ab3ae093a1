// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// What the kernel has, whichever datapath put it there, with or without an agent; of each when it has been changed on
// the running node and both are there for a moment. "nothing of masq is in the kernel" is an error.
Result<void> read_mappings(const std::filesystem::path& bpf_root, const std::function<void(const Mapping&)>& visit);
// Ends the mappings that `wanted` says yes to, and forgets such decisions to leave a connection alone.
Result<Ended> end_mappings(const std::filesystem::path& bpf_root, const std::function<bool(const Mapping&)>& wanted);
Result<std::vector<IpMasqEntry>> read_ip_masq(const std::filesystem::path& bpf_root);  // sorted, IPv4 first

}  // namespace masq
