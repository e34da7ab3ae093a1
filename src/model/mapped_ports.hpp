// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/port_range.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/node.hpp"

namespace masq {

// The ports that mappings may use: nat-port-range as written, or (auto) 1024-65535 less the kernel's ephemeral and
// reserved ports; never a NodePort. Fails when none is left. What deserves a word is added to `notes`.
Result<std::vector<PortRange>> mapped_ports(const Config& config, const Node& node, std::vector<std::string>& notes);

// Whether connections of this protocol (IPPROTO_*) get their source port from there: bpf/protocol.h. ICMP's identifiers
// have a space of their own, other protocols keep what they have.
bool has_mapped_port(std::uint8_t protocol);

}  // namespace masq
