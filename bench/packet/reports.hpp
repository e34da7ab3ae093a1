// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "subjects.hpp"

namespace masq::bpf::bench {

// Each prints what it has measured.

// What a tick of the sweep costs with a million mappings, and the share of a CPU that this is.
void report_sweep(Family family);
// The kernel's memory for each mapping, both directions, as the kernel accounts for it.
void report_memory(Family family);
// How long a port takes to be found toward one remote endpoint, by how many of its ports are taken.
void report_ports(Family family);

}  // namespace masq::bpf::bench
