// SPDX-License-Identifier: Apache-2.0
#include "model/pod_cidrs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/config.hpp"
#include "model/device_role.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

bool is_private(const Cidr& subnet) {
  constexpr const char* ranges[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"};
  return std::ranges::any_of(ranges, [&](const char* range) { return Cidr::parse(range).value().contains(subnet); });
}

std::vector<Cidr> subnets_of(const Link& bridge, Family family) {
  std::vector<Cidr> subnets;
  for (const auto& on_link : bridge.addresses)
    if (on_link.address.family() == family && on_link.scope_global && !on_link.address.is_link_local())
      subnets.emplace_back(on_link.address, on_link.prefix_length);
  return subnets;
}

// A network that is found twice, or inside another one, counts once.
bool is_known(const std::vector<PodCidr>& found, const Cidr& subnet) {
  return std::ranges::any_of(found, [&](const PodCidr& known) { return known.cidr.contains(subnet); });
}

std::vector<PodCidr> bridge_subnets(const Node& node, Family family, std::vector<Finding>& findings) {
  std::vector<PodCidr> found;
  for (const auto& link : node.links) {
    if (link.kind != "bridge") continue;
    const auto subnets = subnets_of(link, family);
    if (subnets.empty() || !DeviceRoles(node, subnets).is_container_bridge(link)) continue;
    for (const auto& subnet : subnets) {
      if (!is_private(subnet))
        findings.push_back({FindingKind::container_network,
                            fmt::format("{}: {} is not a private subnet: not masqueraded unless ipv{}-pod-cidr has it",
                                        link.name, subnet.to_string(), static_cast<int>(family))});
      else if (!is_known(found, subnet))
        found.push_back({.cidr = subnet, .origin = "the bridge " + link.name});
    }
  }
  return found;
}

std::vector<PodCidr> from(const std::vector<Cidr>& cidrs, const std::string& origin) {
  std::vector<PodCidr> found;
  for (const auto& cidr : cidrs) found.push_back({.cidr = cidr, .origin = origin});
  return found;
}

}  // namespace

std::vector<PodCidr> pod_cidrs(const Config& config, const Node& node, Family family, std::vector<Finding>& findings) {
  const auto& configured = family == Family::ipv4 ? config.ipv4_pod_cidr : config.ipv6_pod_cidr;
  if (configured) return from(of_family(*configured, family), fmt::format("ipv{}-pod-cidr", static_cast<int>(family)));
  if (auto found = of_family(node.k8s_pod_cidrs, family); !found.empty()) return from(found, "Kubernetes");
  if (auto found = of_family(node.cni_pod_cidrs, family); !found.empty()) return from(found, "the CNI configuration");
  return bridge_subnets(node, family, findings);
}

std::vector<Cidr> without_nested(std::vector<Cidr> cidrs) {
  std::ranges::sort(cidrs);  // a prefix comes directly before all prefixes inside it
  std::vector<Cidr> outer;
  for (const auto& cidr : cidrs)
    if (outer.empty() || !outer.back().contains(cidr)) outer.push_back(cidr);
  return outer;
}

}  // namespace masq
