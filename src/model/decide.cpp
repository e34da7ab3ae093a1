// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/devices.hpp"
#include "model/external_address.hpp"
#include "model/ip_masq_agent.hpp"
#include "model/mapped_ports.hpp"
#include "model/node.hpp"
#include "model/pod_cidrs.hpp"
#include "model/policy.hpp"
#include "model/source_routes.hpp"

namespace masq {
namespace {

constexpr int max_length_with_broadcast = 30;  // RFC 3021: a /31 has no broadcast address

// Returns true for unicast destinations; the kernel forwards packets to no other addresses.
bool is_routable(const Address& address) {
  return !address.is_loopback() && !(address.family() == Family::ipv6 && address.is_link_local());
}

std::vector<Cidr> own_addresses(const Node& node, Family family) {
  std::vector<Cidr> own;
  for (const auto& link : node.links)
    for (const auto& candidate : link.addresses)
      if (candidate.address.family() == family && is_routable(candidate.address))
        own.push_back(Cidr::host(candidate.address));
  return own;
}

// Operators write one list of all nodes into every node's configuration, so the list may contain this node.
std::vector<Cidr> other_nodes(const Config& config, const Node& node, Family family) {
  std::vector<Cidr> nodes;
  for (const auto* addresses : {&config.node_addresses, &node.k8s_node_addresses})
    for (const auto& address : *addresses)
      if (address.family() == family && find_own_address(node, address) == nullptr)
        nodes.push_back(Cidr::host(address));
  return nodes;
}

Address last_address(const Cidr& subnet) {
  std::array<std::uint8_t, 4> bytes{};
  std::ranges::copy(subnet.address().bytes(), bytes.begin());
  for (int bit = subnet.length(); bit < 32; ++bit) bytes[static_cast<std::size_t>(bit / 8)] |= 0x80 >> (bit % 8);
  return Address::from_bytes(bytes);
}

// Broadcast addresses of the uplinks' subnets: the configured one, and the one with all host bits set, which the kernel
// treats as a broadcast address too.
std::vector<Cidr> broadcast_addresses(const Node& node, const std::vector<Uplink>& uplinks) {
  std::vector<Cidr> found;
  for (const auto& link : node.links) {
    if (std::ranges::find(uplinks, link.ifindex, &Uplink::ifindex) == uplinks.end()) continue;
    for (const auto& on_link : link.addresses) {
      if (on_link.address.family() != Family::ipv4) continue;
      if (on_link.broadcast) found.push_back(Cidr::host(*on_link.broadcast));
      if (on_link.prefix_length <= max_length_with_broadcast)
        found.push_back(Cidr::host(last_address(Cidr(on_link.address, on_link.prefix_length))));
    }
  }
  return found;
}

FamilyPolicy family_policy(const Config& config, const Node& node, Family family, const std::vector<Cidr>& pods,
                           const Desired& desired) {
  const auto& native = family == Family::ipv4 ? config.ipv4_native_routing_cidr : config.ipv6_native_routing_cidr;
  DestinationLists lists;
  if (family == Family::ipv4) lists.broadcast = broadcast_addresses(node, desired.uplinks);
  lists.native_routing = native;
  lists.non_masquerade = of_family(desired.ip_masq_agent_rules.non_masquerade, family);
  lists.masquerade = of_family(desired.ip_masq_agent_rules.masquerade, family);
  if (!config.enable_remote_node_masquerade) lists.nodes = other_nodes(config, node, family);
  lists.own = own_addresses(node, family);

  FamilyPolicy policy;
  policy.sources = without_nested(pods);
  policy.rules = flatten(lists);
  policy.shown_exclusions = native.empty() ? pods : native;
  return policy;
}

// IPv6 is enabled by default. A node without IPv6 gets no note about it.
bool deserves_note(Family family, const std::vector<Uplink>& uplinks) {
  return family == Family::ipv4 ||
         std::ranges::any_of(uplinks, [](const Uplink& uplink) { return !uplink.ipv6.empty(); });
}

void decide_policies(const Config& config, const Node& node, const std::vector<Cidr>& pods, Desired& desired) {
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    auto& policy = family == Family::ipv4 ? desired.ipv4 : desired.ipv6;
    policy.enabled = family == Family::ipv4 ? config.enable_ipv4_masquerade : config.enable_ipv6_masquerade;
    if (!policy.enabled) continue;
    policy = family_policy(config, node, family, of_family(pods, family), desired);
    if (policy.sources.empty() && deserves_note(family, desired.uplinks))
      desired.notes.push_back(
          fmt::format("no {} pod CIDR detected: nothing is masqueraded", family == Family::ipv4 ? "IPv4" : "IPv6"));
  }
}

void decide_ip_masq_agent(const Config& config, const Node& node, Desired& desired) {
  desired.ip_masq_agent = config.enable_ip_masq_agent;
  if (!config.enable_ip_masq_agent) return;
  desired.ip_masq_agent_rules = node.ip_masq_agent.value_or(default_ip_masq_agent());
  for (const auto& warning : std::exchange(desired.ip_masq_agent_rules.warnings, {}))
    desired.notes.push_back(fmt::format("ip-masq-agent: {}", warning));
}

std::vector<Cidr> pods_of_enabled_families(const Config& config, const Node& node) {
  std::vector<Cidr> pods;
  if (config.enable_ipv4_masquerade) pods = pod_cidrs(config, node, Family::ipv4);
  if (config.enable_ipv6_masquerade) std::ranges::copy(pod_cidrs(config, node, Family::ipv6), std::back_inserter(pods));
  return pods;
}

}  // namespace

std::string_view to_string(Decision decision) {
  switch (decision) {
    case Decision::masquerade:
      return "masquerade";
    case Decision::exclude_broadcast:
      return "broadcast address";
    case Decision::exclude_pod_cidr:
      return "pod CIDR";
    case Decision::exclude_native_routing:
      return "native routing CIDR";
    case Decision::exclude_ip_masq_agent:
      return "ip-masq-agent";
    case Decision::exclude_node:
      return "another node's address";
    case Decision::exclude_own_address:
      return "own address";
  }
  return "unknown";
}

Result<Desired> decide(const Config& config, const Node& node) {
  Desired desired;
  const auto pods = pods_of_enabled_families(config, node);
  TRY(auto selection, select_uplinks(config, node, pods));
  desired.uplinks = std::move(selection.uplinks);
  desired.standby = std::move(selection.standby);
  desired.notes = std::move(selection.notes);

  TRY(desired.ports, mapped_ports(config, node, desired.notes));

  decide_ip_masq_agent(config, node, desired);
  decide_policies(config, node, pods, desired);
  desired.route_source = config.enable_masquerade_to_route_source;
  if (desired.route_source) desired.source_routes = source_routes(node, desired.uplinks);
  desired.random_fully = config.random_fully;
  desired.max_mappings = config.nat_max_mappings;
  desired.max_mappings_per_pod = config.nat_max_mappings_per_pod.value_or(config.nat_max_mappings / 4);
  desired.timeouts = config.nat_timeouts;
  return desired;
}

}  // namespace masq
