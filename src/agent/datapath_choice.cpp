// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath_choice.hpp"

#include <fmt/format.h>

#include <expected>
#include <memory>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "datapath/bpf/bpf_datapath.hpp"
#include "datapath/datapath.hpp"
#include "datapath/iptables/iptables_datapath.hpp"
#include "datapath/nftables/nftables_datapath.hpp"
#include "datapath/replacing_datapath.hpp"
#include "model/config.hpp"

namespace masq {
namespace {

struct Kind {
  DatapathKind kind;
  const char* word;
  Result<void> (*probe)();
  Result<std::unique_ptr<Datapath>> (*make)(const Config& config);
};

// Sorted by the preference of `auto`.
const Kind kinds[] = {
    {DatapathKind::bpf, "bpf", probe_bpf, [](const Config& config) { return make_bpf_datapath(config.bpf_root); }},
    {DatapathKind::nftables, "nftables", probe_nftables, [](const Config&) { return make_nftables_datapath(); }},
    {DatapathKind::iptables, "iptables", probe_iptables, [](const Config&) { return make_iptables_datapath(); }},
};

// A datapath that cannot be queried has no state on this machine.
ReplacingDatapath::Others make_others(const Config& config, DatapathKind chosen) {
  ReplacingDatapath::Others others;
  for (const auto& kind : kinds) {
    if (kind.kind == chosen) continue;
    if (auto other = kind.make(config)) others.push_back(std::move(*other));
  }
  return others;
}

Result<DatapathChoice> choose(const Config& config, const Kind& kind, std::string reason) {
  auto datapath = kind.make(config);
  if (!datapath) return std::unexpected(datapath.error());
  return DatapathChoice{
      .kind = kind.kind,
      .datapath = std::make_unique<ReplacingDatapath>(std::move(*datapath), make_others(config, kind.kind)),
      .reason = std::move(reason)};
}

Result<void> can_take(const Config& config, const Kind& kind) {
  if (kind.kind == DatapathKind::bpf && !config.egress_masquerade_interfaces.empty())
    return fail("egress-masquerade-interfaces is set");
  return kind.probe();
}

Result<DatapathChoice> choose_first(const Config& config) {
  std::string reasons;
  for (const auto& kind : kinds) {
    const auto able = can_take(config, kind);
    if (able && reasons.empty()) return choose(config, kind, "auto: the first datapath that this machine supports");
    if (able) return choose(config, kind, fmt::format("auto: not {}", reasons));
    reasons += fmt::format("{}{} ({})", reasons.empty() ? "" : ", not ", kind.word, able.error().message);
  }
  return fail("datapath: auto: not {}", reasons);
}

}  // namespace

Result<DatapathChoice> choose_datapath(const Config& config) {
  if (config.datapath == DatapathKind::automatic) return choose_first(config);
  for (const auto& kind : kinds)
    if (kind.kind == config.datapath) return choose(config, kind, "as configured");
  return fail("datapath: unknown");
}

// A datapath whose tools are absent has no state to remove.
Result<Steps> remove_datapaths(const Config& config) {
  Steps steps;
  for (const auto& kind : kinds) {
    auto datapath = kind.make(config);
    if (!datapath) continue;
    auto removed = (*datapath)->remove();
    if (!removed) return std::unexpected(removed.error());
    steps.insert(steps.end(), removed->begin(), removed->end());
  }
  return steps;
}

}  // namespace masq
