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

// The ports that mappings may use: nat-port-range as written, or (auto) 1024-65535 without the kernel's ephemeral and
// reserved ports; never a NodePort. Fails if no port remains. Appends hints for the operator to `notes`.
Result<std::vector<PortRange>> mapped_ports(const Config& config, const Node& node, std::vector<std::string>& notes);

// Returns true if connections of this protocol (IPPROTO_*) get their source port from these ranges:
// bpf/packet/protocol.h. ICMP identifiers have a separate space, and other protocols keep their key.
bool has_mapped_port(std::uint8_t protocol);

}  // namespace masq
