// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"

namespace masq::bpf {

// Writes the new and changed addresses of the uplinks into the kernel.
template <class Abi>
Result<void> write_uplinks(const Program& program, const Desired& desired, Steps& steps);

// Removes devices that are no longer uplinks, after their programs were detached.
template <class Abi>
Result<void> prune_uplinks(const Program& program, const Desired& desired);

// Writes the source set if it does not fit into the options, and the node's own addresses inside it.
template <class Abi>
Result<void> write_sources(const Program& program, const Desired& desired);

// Writes the destinations with another external address than their uplink's. Those of uplinks beyond the map's size
// are left out.
template <class Abi>
Result<void> write_destinations(const Program& program, const Desired& desired);

// Writes the devices that tell whether a packet comes from where its source is.
template <class Abi>
Result<void> write_pod_devices(const Program& program, const Desired& desired);

// Appends the ip-masq-agent's set of the pinned policy.
template <class Abi>
Result<void> add_ip_masq(const Pins& pins, std::vector<IpMasqEntry>& entries);

}  // namespace masq::bpf
