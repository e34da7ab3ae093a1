// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq::bpf {

// The way of attachment: automatic selects tcx links if the kernel has them (6.6), else clsact.
enum class Attach : std::uint8_t { automatic, tcx, clsact };

// tc programs on the uplinks. All objects are pinned below `bpf_root`/masq and work without the agent. `bpf_root` must
// be a bpffs already (os/mount.hpp mounts one).
Result<std::unique_ptr<Datapath>> make_datapath(const std::filesystem::path& bpf_root,
                                                Attach attach = Attach::automatic);

// Returns the first missing kernel feature of the bpf mode as an error; needs CAP_BPF and CAP_NET_ADMIN.
Result<void> probe();

}  // namespace masq::bpf
