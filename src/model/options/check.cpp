// SPDX-License-Identifier: Apache-2.0
// Checks that need more than one option.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/options/options.hpp"

namespace masq {
namespace {

constexpr std::ptrdiff_t max_pool_addresses = 16;  // of one family: MASQ_POOL_MAX of bpf/abi/policy.h

// Returns the source of a value for error messages: "datapath (environment MASQ_DATAPATH)".
std::string place_of(const ConfigDraft& draft, std::string_view key) {
  const auto given = draft.given.find(key);
  return given == draft.given.end() ? std::string(key) : fmt::format("{} ({})", key, given->second.source);
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
  const auto configured = draft.config.datapath;
  if (!draft.enable_bpf_masquerade) return configured;
  const auto meant = *draft.enable_bpf_masquerade ? DatapathKind::bpf : DatapathKind::iptables;
  if (configured != DatapathKind::automatic && configured != meant)
    return fail("{}: {} means datapath {}, but {} is {}: set one of them", place_of(draft, "enable-bpf-masquerade"),
                *draft.enable_bpf_masquerade, to_word(meant), place_of(draft, "datapath"), to_word(configured));
  return meant;
}

bool is_in(Scope scope, DatapathKind datapath) {
  if (scope == Scope::every_datapath || datapath == DatapathKind::automatic) return true;
  return (scope == Scope::bpf) == (datapath == DatapathKind::bpf);
}

Result<void> check_scope(const ConfigDraft& draft, DatapathKind datapath) {
  const auto idle = options_without_effect(draft.config, datapath);
  if (idle.empty()) return {};
  const auto place = place_of(draft, idle.front());
  if (datapath != DatapathKind::bpf)
    return fail("{}: not supported by the {} datapath: set the sysctls of conntrack (net.netfilter.nf_conntrack_*)",
                place, to_word(datapath));
  return fail("{}: {:?}: not supported by the bpf datapath: set devices instead", place,
              fmt::join(draft.config.egress_masquerade_interfaces, " "));
}

Result<void> check_pool(const ConfigDraft& draft, DatapathKind datapath) {
  const bool has_pools = datapath != DatapathKind::iptables;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto count = std::ranges::count(draft.config.masquerade_address, family, &Address::family);
    const auto place = place_of(draft, "masquerade-address");
    if (!has_pools && count > 1)
      return fail("{}: one address of a family is expected: the iptables datapath has no pools", place);
    if (count > max_pool_addresses)
      return fail("{}: at most {} addresses of a family are expected", place, max_pool_addresses);
  }
  return {};
}

Result<void> check_limits(const ConfigDraft& draft) {
  const auto& config = draft.config;
  const auto all = config.nat_max_mappings, per_pod = config.nat_max_mappings_per_pod;
  if (all && per_pod && *per_pod > *all)
    return fail("{}: {}: at most {} is expected, which is nat-max-mappings",
                place_of(draft, "nat-max-mappings-per-pod"), *per_pod, *all);
  return {};
}

}  // namespace

Result<Config> finish_config(const ConfigDraft& draft) {
  TRY(const auto datapath, fold_datapath(draft));
  TRY_DO(check_scope(draft, datapath));
  TRY_DO(check_pool(draft, datapath));
  TRY_DO(check_limits(draft));
  auto config = draft.config;
  config.datapath = datapath;
  return config;
}

std::vector<std::string_view> options_without_effect(const Config& config, DatapathKind datapath) {
  const Config defaults;
  std::vector<std::string_view> keys;
  for (const auto& option : options())
    if (!is_in(option.scope, datapath) && !option.access.equal(config, defaults)) keys.push_back(option.key);
  return keys;
}

}  // namespace masq
