// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// The way of attachment: automatic selects tcx links if the kernel has them (6.6), else clsact.
enum class BpfAttach : std::uint8_t { automatic, tcx, clsact };

// tc programs on the uplinks. All objects are pinned below `bpf_root`/masq and work without the agent. `bpf_root` must
// be a bpffs already (os/mount.hpp mounts one).
Result<std::unique_ptr<Datapath>> make_bpf_datapath(const std::filesystem::path& bpf_root,
                                                    BpfAttach attach = BpfAttach::automatic);

// Returns the first missing kernel feature of the bpf mode as an error; needs CAP_BPF and CAP_NET_ADMIN.
Result<void> probe_bpf();

// Functions for `masq`, which read the pins with or without an agent. "nothing of masq is pinned in DIR" is an error.
Result<void> read_bpf_mappings(const std::filesystem::path& bpf_root, const std::function<void(const Mapping&)>& visit);
// Returns the external addresses of mappings, sorted; empty if nothing is pinned.
Result<std::vector<Address>> read_bpf_external_addresses(const std::filesystem::path& bpf_root);
std::span<const char* const> bpf_mapping_states();  // the possible values of Mapping::state
// Ends the mappings for which `wanted` returns true, and forgets such bypassed connections, except inbound ones, whose
// replies would be masqueraded. The kernel removes them from the table within seconds.
Result<Ended> end_bpf_mappings(const std::filesystem::path& bpf_root,
                               const std::function<bool(const Mapping&)>& wanted);
// Suspends all mappings, and the creation of new ones, until they are released: orders for the mappings, and no
// external address for the uplinks. Returns false if nothing is pinned.
Result<bool> hold_bpf_mappings(const std::filesystem::path& bpf_root);
// Resumes the mappings, and restores the desired external addresses of the uplinks.
Result<void> release_bpf_mappings(const std::filesystem::path& bpf_root, const Desired& desired);
// Quarantines the mappings of these pods, and forgets their other entries.
Result<Ended> rest_bpf_mappings(const std::filesystem::path& bpf_root, const std::vector<Address>& pods);  // sorted
Result<std::vector<IpMasqEntry>> read_bpf_ip_masq(const std::filesystem::path& bpf_root);  // sorted, IPv4 first
Result<Counters> read_bpf_counters(const std::filesystem::path& bpf_root);

}  // namespace masq
