// SPDX-License-Identifier: Apache-2.0
#include "model/mapped_ports.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/port_range.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

constexpr PortRange unprivileged{1024, 65535};

// VXLAN, Geneve, the old port of VXLAN, WireGuard: the node's own tunnels receive packets there without a socket.
const std::vector<PortRange> tunnels = {{4789, 4789}, {6081, 6081}, {8472, 8472}, {51820, 51820}};

std::vector<PortRange> automatic_ports(const Node& node) {
  auto holes = tunnels;
  holes.insert(holes.end(), node.local_reserved_ports.begin(), node.local_reserved_ports.end());
  holes.push_back(node.local_port_range);
  return subtract({unprivileged}, holes);
}

std::string what_is_in_the_way(const Config& config, const Node& node) {
  if (config.nat_port_range)
    return fmt::format("the whole range is inside node-port-range {}", config.node_port_range.to_string());
  return fmt::format(
      "ip_local_port_range {}, ip_local_reserved_ports and node-port-range {} contain all ports: set nat-port-range",
      node.local_port_range.to_string(), config.node_port_range.to_string());
}

// The search for a port skips ports with a socket, so an overlap only slows it down. It is no error.
void report_overlap(const std::vector<PortRange>& ports, const Node& node, std::vector<std::string>& notes) {
  if (port_count(subtract(ports, {node.local_port_range})) != port_count(ports))
    notes.push_back(fmt::format("nat-port-range {} overlaps the node's own ephemeral ports, ip_local_port_range {}",
                                join(ports), node.local_port_range.to_string()));
}

}  // namespace

Result<std::vector<PortRange>> mapped_ports(const Config& config, const Node& node, std::vector<std::string>& notes) {
  const auto wanted = config.nat_port_range.value_or(automatic_ports(node));
  auto ports = subtract(wanted, {config.node_port_range});
  if (ports.empty())
    return fail("nat-port-range {} leaves no port: {}", config.nat_port_range ? join(wanted) : "auto",
                what_is_in_the_way(config, node));
  if (config.nat_port_range) report_overlap(ports, node, notes);
  return ports;
}

bool has_mapped_port(std::uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

}  // namespace masq
