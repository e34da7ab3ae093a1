// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// Reads the kernel's state of every datapath, with or without an agent. During a change of the datapath two may exist.
// Fails with "nothing of masq is in the kernel" if none exists.
Result<void> read_mappings(const std::filesystem::path& bpf_root, const std::function<void(const Mapping&)>& visit);
// Ends the mappings for which `wanted` returns true, and forgets such bypassed connections.
Result<Ended> end_mappings(const std::filesystem::path& bpf_root, const std::function<bool(const Mapping&)>& wanted);
Result<std::vector<IpMasqEntry>> read_ip_masq(const std::filesystem::path& bpf_root);  // sorted, IPv4 first

}  // namespace masq
