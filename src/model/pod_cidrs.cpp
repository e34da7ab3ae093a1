// SPDX-License-Identifier: Apache-2.0
#include "model/pod_cidrs.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/config.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

bool is_container_bridge(std::string_view name) {
  constexpr std::string_view prefixes[] = {"podman", "lxcbr", "virbr"};
  return name == "docker0" || name == "cni0" ||
         std::ranges::any_of(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::vector<Cidr> bridge_subnets(const Node& node, Family family) {
  std::vector<Cidr> subnets;
  for (const auto& link : node.links) {
    if (!is_container_bridge(link.name)) continue;
    for (const auto& on_link : link.addresses)
      if (on_link.address.family() == family && on_link.scope_global && !on_link.address.is_link_local())
        subnets.emplace_back(on_link.address, on_link.prefix_length);
  }
  return without_nested(std::move(subnets));
}

}  // namespace

std::vector<Cidr> pod_cidrs(const Config& config, const Node& node, Family family) {
  const auto& configured = family == Family::ipv4 ? config.ipv4_pod_cidr : config.ipv6_pod_cidr;
  if (configured) return of_family(*configured, family);
  for (const auto* known : {&node.k8s_pod_cidrs, &node.cni_pod_cidrs})
    if (auto found = of_family(*known, family); !found.empty()) return found;
  return bridge_subnets(node, family);
}

std::vector<Cidr> without_nested(std::vector<Cidr> cidrs) {
  std::ranges::sort(cidrs);  // a prefix comes directly before all prefixes inside it
  std::vector<Cidr> outer;
  for (const auto& cidr : cidrs)
    if (outer.empty() || !outer.back().contains(cidr)) outer.push_back(cidr);
  return outer;
}

}  // namespace masq
