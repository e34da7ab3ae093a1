// SPDX-License-Identifier: Apache-2.0
// What no key can say alone: which of them contradict each other, and which have no effect yet.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/config_keys.hpp"

namespace masq {
namespace {

constexpr std::ptrdiff_t most_pool_addresses = 16;  // of one family: MASQ_POOL_MAX of bpf/abi.h

// "datapath (environment MASQ_DATAPATH)": where the operator has to look.
std::string place_of(const ConfigDraft& draft, std::string_view key) {
  const auto origin = draft.origins.find(key);
  return origin == draft.origins.end() ? std::string(key) : fmt::format("{} ({})", key, origin->second);
}

std::string_view to_word(DatapathKind kind) {
  switch (kind) {
    case DatapathKind::automatic:
      return "auto";
    case DatapathKind::bpf:
      return "bpf";
    case DatapathKind::nftables:
      return "nftables";
    case DatapathKind::iptables:
      return "iptables";
  }
  return "auto";
}

Result<DatapathKind> fold_datapath(const ConfigDraft& draft) {
  const auto asked = draft.config.datapath;
  if (!draft.enable_bpf_masquerade) return asked;
  const auto meant = *draft.enable_bpf_masquerade ? DatapathKind::bpf : DatapathKind::iptables;
  if (asked != DatapathKind::automatic && asked != meant)
    return fail("{}: {} means datapath {}, but {} is {}: set one of them", place_of(draft, "enable-bpf-masquerade"),
                *draft.enable_bpf_masquerade, to_word(meant), place_of(draft, "datapath"), to_word(asked));
  return meant;
}

// The table of connections, its size and its timeouts are the kernel's there, and everybody's.
Result<void> check_for_netfilter(const ConfigDraft& draft, DatapathKind kind) {
  for (const auto& key : conntrack_decides(draft.config))
    return fail("{}: not for the {} datapath, where conntrack decides: see its sysctls (net.netfilter.nf_conntrack_*)",
                place_of(draft, key), to_word(kind));
  if (kind == DatapathKind::iptables && draft.config.masquerade_address.size() > 1)
    for (const auto family : {Family::ipv4, Family::ipv6})
      if (std::ranges::count(draft.config.masquerade_address, family, &Address::family) > 1)
        return fail("{}: one address of a family is expected: the iptables datapath has no pools",
                    place_of(draft, "masquerade-address"));
  return {};
}

Result<void> check_datapath(const ConfigDraft& draft, DatapathKind kind) {
  if (kind == DatapathKind::nftables || kind == DatapathKind::iptables) return check_for_netfilter(draft, kind);
  if (kind == DatapathKind::bpf && !draft.config.egress_masquerade_interfaces.empty())
    return fail("{}: {:?}: not for the bpf datapath: set devices instead",
                place_of(draft, "egress-masquerade-interfaces"),
                fmt::join(draft.config.egress_masquerade_interfaces, " "));
  return {};
}

Result<void> check_limits(const ConfigDraft& draft) {
  const auto& config = draft.config;
  const auto per_pod = config.nat_max_mappings_per_pod;
  if (per_pod && *per_pod > config.nat_max_mappings)
    return fail("{}: {}: at most {} is expected, which is nat-max-mappings",
                place_of(draft, "nat-max-mappings-per-pod"), *per_pod, config.nat_max_mappings);
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto is_ours = [&](const Address& address) { return address.family() == family; };
    if (std::ranges::count_if(config.masquerade_address, is_ours) > most_pool_addresses)
      return fail("{}: at most {} addresses of a family are expected", place_of(draft, "masquerade-address"),
                  most_pool_addresses);
  }
  return {};
}

}  // namespace

Result<Config> finish_config(const ConfigDraft& draft) {
  const auto datapath = fold_datapath(draft);
  if (!datapath) return std::unexpected(datapath.error());
  if (const auto fits = check_datapath(draft, *datapath); !fits) return std::unexpected(fits.error());
  if (const auto fits = check_limits(draft); !fits) return std::unexpected(fits.error());
  auto config = draft.config;
  config.datapath = *datapath;
  return config;
}

std::vector<std::string> conntrack_decides(const Config& config) {
  const Config usual;
  std::vector<std::string> keys;
  const auto add = [&](bool set, const char* key) {
    if (set) keys.emplace_back(key);
  };
  add(config.nat_max_mappings != usual.nat_max_mappings, "nat-max-mappings");
  add(config.nat_max_mappings_per_pod.has_value(), "nat-max-mappings-per-pod");
  const auto& timeouts = config.nat_timeouts;
  add(timeouts.tcp_established != usual.nat_timeouts.tcp_established, "nat-timeout-tcp-established");
  add(timeouts.tcp_transitory != usual.nat_timeouts.tcp_transitory, "nat-timeout-tcp-transitory");
  add(timeouts.udp != usual.nat_timeouts.udp, "nat-timeout-udp");
  add(timeouts.icmp != usual.nat_timeouts.icmp, "nat-timeout-icmp");
  add(timeouts.other != usual.nat_timeouts.other, "nat-timeout-other");
  return keys;
}

std::vector<std::string> not_yet_available(const Config& config) {
  std::vector<std::string> lines;
  const auto warn = [&](bool set, std::string_view key, std::string_view what) {
    if (set) lines.push_back(fmt::format("{}: no effect in this version yet: {}", key, what));
  };
  constexpr std::string_view no_kubernetes = "Kubernetes is not asked";
  warn(config.enable_k8s == Toggle::on, "enable-k8s", no_kubernetes);
  warn(!config.k8s_kubeconfig_path.empty(), "k8s-kubeconfig-path", no_kubernetes);
  warn(!config.k8s_api_server.empty(), "k8s-api-server", no_kubernetes);
  warn(!config.k8s_node_name.empty(), "k8s-node-name", no_kubernetes);
  return lines;
}

}  // namespace masq
