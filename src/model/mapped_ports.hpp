// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/port_range.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {

// The kernel's classes of ports below 1024 (nf_nat_core.c). Servers such as NFS, NTP and rsh accept a client by its
// class, so a source port keeps it. A class without a usable port uses `Desired::ports`.
inline constexpr std::array low_port_classes = {PortRange{1, 511}, PortRange{512, 1023}};

// The ports of 1024 and more. A pod's port of these gets another port of these, as far as nat-port-range has any.
inline constexpr PortRange unprivileged_ports{1024, 65535};

struct MappedPorts {
  std::vector<PortRange> chosen;  // Desired::ports
  std::vector<PortRange> kept;    // Desired::kept_ports
  bool operator==(const MappedPorts&) const = default;
};

// The ports that mappings may use, never a NodePort:
// - auto: 1-65535 without the kernel's reserved ports and the ports of tunnels. The kernel's ephemeral ports are kept
//   and not chosen, unless few other ports remain.
// - as written, and each class below 1024 that contains no written port.
// Empty if no port of 1024 and more remains, or none of the written ports. Appends what the operator must know to
// `findings`.
MappedPorts mapped_ports(const Config& config, const Node& node, std::vector<Finding>& findings);

// Returns all ports that a mapping may use: chosen and kept ones.
std::vector<PortRange> usable_ports(const Desired& desired);

// Returns true if connections of this protocol (IPPROTO_*) get their source port from these ranges:
// bpf/packet/protocol.h. ICMP identifiers have a separate space, and other protocols keep their key.
bool has_mapped_port(std::uint8_t protocol);

}  // namespace masq
