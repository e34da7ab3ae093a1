// SPDX-License-Identifier: Apache-2.0
#include "model/mapped_ports.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "base/port_range.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

// VXLAN, Geneve, the old port of VXLAN, WireGuard: the node's own tunnels receive packets there without a socket.
const std::vector<PortRange> tunnels = {{4789, 4789}, {6081, 6081}, {8472, 8472}, {51820, 51820}};

// With fewer ports outside the ephemeral range, ports are chosen inside it too.
constexpr std::uint32_t few_ports = 4096;

std::vector<PortRange> together(std::vector<PortRange> ranges, const std::vector<PortRange>& more) {
  std::ranges::copy(more, std::back_inserter(ranges));
  return normalise(std::move(ranges));
}

std::vector<PortRange> ports_of_others(const Config& config, const Node& node) {
  return together(together(tunnels, node.local_reserved_ports), {config.node_port_range});
}

Finding no_port_is_left(const Config& config, std::string_view written, std::string_view cause) {
  return {FindingKind::no_port,
          fmt::format("nat-port-range {} leaves no port, so TCP and UDP packets from pods are dropped: {} {}", written,
                      cause, config.node_port_range.to_string())};
}

MappedPorts automatic_ports(const Config& config, const Node& node, std::vector<Finding>& findings) {
  const auto others = ports_of_others(config, node);
  const auto usable = subtract({unprivileged_ports}, others);
  if (usable.empty()) {
    findings.push_back(
        no_port_is_left(config, "auto", "all ports are inside ip_local_reserved_ports and node-port-range"));
    return {};
  }
  MappedPorts ports{.chosen = subtract(usable, {node.local_port_range}), .kept = {}};
  if (const auto free = port_count(ports.chosen); free < few_ports && free < port_count(usable)) {
    findings.push_back(
        {FindingKind::ephemeral_ports,
         fmt::format("nat-port-range auto: ip_local_port_range {} leaves {} ports: ports are chosen in it",
                     node.local_port_range.to_string(), free)});
    ports.chosen = usable;
  }
  const PortRange low{low_port_classes.front().low, low_port_classes.back().high};
  ports.kept = subtract(together(usable, subtract({low}, others)), ports.chosen);
  return ports;
}

// The search for a port skips ports with a socket, so an overlap only slows it down. It is no error.
void report_overlap(const std::vector<PortRange>& ports, const Node& node, std::vector<Finding>& findings) {
  if (port_count(subtract(ports, {node.local_port_range})) != port_count(ports))
    findings.push_back({FindingKind::ports_overlap,
                        fmt::format("nat-port-range {} overlaps the node's own ephemeral ports, ip_local_port_range {}",
                                    join(ports), node.local_port_range.to_string())});
}

MappedPorts written_ports(const Config& config, const Node& node, std::vector<Finding>& findings) {
  const auto written = subtract(*config.nat_port_range, {config.node_port_range});
  if (written.empty()) {
    findings.push_back(
        no_port_is_left(config, join(*config.nat_port_range), "the whole range is inside node-port-range"));
    return {};
  }
  report_overlap(written, node, findings);
  MappedPorts ports{.chosen = intersect(written, unprivileged_ports), .kept = {}};
  if (ports.chosen.empty()) ports.chosen = written;
  auto usable = written;
  for (const auto& low : low_port_classes)
    if (intersect(written, low).empty()) usable = together(usable, subtract({low}, ports_of_others(config, node)));
  ports.kept = subtract(usable, ports.chosen);
  return ports;
}

}  // namespace

MappedPorts mapped_ports(const Config& config, const Node& node, std::vector<Finding>& findings) {
  return config.nat_port_range ? written_ports(config, node, findings) : automatic_ports(config, node, findings);
}

std::vector<PortRange> usable_ports(const Desired& desired) {
  return together(desired.ports, desired.kept_ports);
}

bool has_mapped_port(std::uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

}  // namespace masq
