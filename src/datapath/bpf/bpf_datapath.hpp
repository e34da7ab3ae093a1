// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// tc programs on the uplinks; everything is pinned below `bpf_root`/masq and works on without the agent.
// `bpf_root` must be a bpffs already (os/mount.hpp makes one).
Result<std::unique_ptr<Datapath>> make_bpf_datapath(const std::filesystem::path& bpf_root);

// The first thing this kernel lacks for the bpf mode, as an error; needs CAP_BPF and CAP_NET_ADMIN.
Result<void> probe_bpf();

// What `masq` reads from the pins, with or without an agent. "nothing of masq is pinned in DIR" is an error.
Result<void> read_bpf_mappings(const std::filesystem::path& bpf_root, const std::function<void(const Mapping&)>& visit);
Result<std::vector<IpMasqEntry>> read_bpf_ip_masq(const std::filesystem::path& bpf_root);  // sorted, IPv4 first
Result<Counters> read_bpf_counters(const std::filesystem::path& bpf_root);

}  // namespace masq
