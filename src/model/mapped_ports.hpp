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

// Connections of this protocol (IPPROTO_*) get their source port from there: bpf/packet/protocol.h. ICMP identifiers
// have their own space, and other protocols keep their key.
bool has_mapped_port(std::uint8_t protocol);

}  // namespace masq
