// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/devices.hpp"
#include "model/external_address.hpp"
#include "model/finding.hpp"
#include "model/forwarding.hpp"
#include "model/ip_masq_agent.hpp"
#include "model/mapped_ports.hpp"
#include "model/mapping_limits.hpp"
#include "model/node.hpp"
#include "model/pod_cidrs.hpp"
#include "model/pod_devices.hpp"
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

std::vector<Address> inside(const std::vector<Cidr>& pods, const std::vector<Cidr>& own) {
  std::vector<Address> found;
  for (const auto& address : own)
    if (any_contains(pods, address.address())) found.push_back(address.address());
  std::ranges::sort(found);
  const auto repeated = std::ranges::unique(found);
  found.erase(repeated.begin(), repeated.end());
  return found;
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
  std::unordered_set<int> indexes;
  for (const auto& uplink : uplinks) indexes.insert(uplink.ifindex);
  for (const auto& link : node.links) {
    if (!indexes.contains(link.ifindex)) continue;
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
  lists.other_pods = of_family(node.k8s_other_pod_cidrs, family);
  lists.native_routing = native;
  lists.non_masquerade = of_family(desired.ip_masq_agent_rules.non_masquerade, family);
  lists.masquerade = of_family(desired.ip_masq_agent_rules.masquerade, family);
  if (!config.enable_remote_node_masquerade) lists.nodes = other_nodes(config, node, family);
  lists.own = own_addresses(node, family);

  FamilyPolicy policy;
  policy.sources = without_nested(pods);
  policy.own_inside = inside(policy.sources, lists.own);
  policy.rules = flatten(lists);
  policy.shown_exclusions = native.empty() ? pods : native;
  return policy;
}

void decide_policies(const Config& config, const Node& node, const std::vector<Cidr>& pods, Desired& desired) {
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    auto& policy = family == Family::ipv4 ? desired.ipv4 : desired.ipv6;
    policy.enabled = is_enabled(config, family);
    if (policy.enabled) policy = family_policy(config, node, family, of_family(pods, family), desired);
  }
}

void decide_ip_masq_agent(const Config& config, const Node& node, Desired& desired) {
  desired.ip_masq_agent = config.enable_ip_masq_agent;
  if (!config.enable_ip_masq_agent) return;
  desired.ip_masq_agent_rules = node.ip_masq_agent.value_or(default_ip_masq_agent());
  for (const auto& warning : std::exchange(desired.ip_masq_agent_rules.warnings, {}))
    desired.findings.push_back({FindingKind::ip_masq_agent, fmt::format("ip-masq-agent: {}", warning)});
}

std::vector<PodCidr> pods_of_enabled_families(const Config& config, const Node& node, std::vector<Finding>& findings) {
  std::vector<PodCidr> pods;
  for (const auto family : {Family::ipv4, Family::ipv6})
    if (is_enabled(config, family))
      std::ranges::copy(pod_cidrs(config, node, family, findings), std::back_inserter(pods));
  return pods;
}

// Returns the prefixes without origin and without a surplus.
std::vector<Cidr> usable_pods(const std::vector<PodCidr>& found, std::vector<Finding>& findings) {
  std::vector<Cidr> pods;
  for (const auto& pod : found) pods.push_back(pod.cidr);
  if (pods.size() <= max_pod_cidrs) return pods;
  pods = without_nested(std::move(pods));
  if (pods.size() <= max_pod_cidrs) return pods;
  findings.push_back({FindingKind::too_many_pod_cidrs,
                      fmt::format("{} pod CIDRs, more than {}: {} and those after it are not masqueraded", pods.size(),
                                  max_pod_cidrs, pods[max_pod_cidrs].to_string())});
  pods.resize(max_pod_cidrs);
  return pods;
}

// Every address of a pool may be used toward every destination.
void remove_pooled(const Config& config, std::vector<SourceRoute>& routes) {
  std::erase_if(routes, [&](const SourceRoute& route) {
    return std::ranges::any_of(config.masquerade_address,
                               [&](const Address& pooled) { return pooled.family() == route.source.family(); });
  });
}

// Pods of a family that is off count: the node has pods, and the operator has decided about them.
bool lacks_pods(const Config& config, const Node& node) {
  std::vector<Finding> ignored;
  return (config.enable_ipv4_masquerade || config.enable_ipv6_masquerade) &&
         pod_cidrs(config, node, Family::ipv4, ignored).empty() &&
         pod_cidrs(config, node, Family::ipv6, ignored).empty();
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

Desired decide(const Config& config, const Node& node) {
  Desired desired;
  desired.pod_cidrs = pods_of_enabled_families(config, node, desired.findings);
  const auto pods = usable_pods(desired.pod_cidrs, desired.findings);
  if (pods.empty() && lacks_pods(config, node))
    desired.findings.push_back(
        {FindingKind::no_pod_cidr, "no pod CIDR is known: nothing is masqueraded; set ipv4-pod-cidr or ipv6-pod-cidr"});
  if (!node.k8s_missing_node.empty())
    desired.findings.push_back({FindingKind::kubernetes_node,
                                fmt::format("Kubernetes has no node {:?}: k8s-node-name is expected to name this node",
                                            node.k8s_missing_node)});
  auto selection = select_uplinks(config, node, pods);
  desired.uplinks = std::move(selection.uplinks);
  desired.standby = std::move(selection.standby);
  desired.inbound = std::move(selection.inbound);
  std::set<int> uplinks;
  for (const auto& uplink : desired.uplinks) uplinks.insert(uplink.ifindex);
  desired.pod_devices = pod_devices(node, pods, uplinks);
  desired.kernel = config.kernel;
  if (desired.kernel.verify_source) desired.bridges = std::move(selection.bridges);
  std::ranges::move(selection.findings, std::back_inserter(desired.findings));
  std::ranges::move(findings_on_forwarding(node, desired.uplinks, pods), std::back_inserter(desired.findings));

  auto ports = mapped_ports(config, node, desired.findings);
  desired.ports = std::move(ports.chosen);
  desired.kept_ports = std::move(ports.kept);

  decide_ip_masq_agent(config, node, desired);
  decide_policies(config, node, pods, desired);
  desired.source_routes = source_routes(node, desired.uplinks, desired.kernel.route_source, pods);
  if (!desired.kernel.route_source) remove_pooled(config, desired.source_routes);
  const auto limits = mapping_limits(config, node);
  desired.max_mappings = limits.per_family;
  desired.max_mappings_per_pod = limits.per_pod;
  return desired;
}

}  // namespace masq
