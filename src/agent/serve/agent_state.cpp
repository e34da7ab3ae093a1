// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/agent_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <vector>

#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/options/options.hpp"
#include "model/reverse_path.hpp"

namespace masq::agent {
namespace {

std::vector<Finding> findings_of(const AgentParts& agent) {
  std::vector<Finding> findings;
  if (const auto& applied = agent.reconciler.state().applied) {
    findings = applied->findings;
    std::ranges::move(findings_on_reverse_path(*applied, agent.sources.node()), std::back_inserter(findings));
  }
  std::ranges::move(agent.choice.datapath->findings(), std::back_inserter(findings));
  std::ranges::copy(agent.choice.findings, std::back_inserter(findings));
  std::ranges::move(agent.listen_errors.findings(), std::back_inserter(findings));
  if (const auto error = agent.internal_errors.recent(agent.timers.now()))
    findings.push_back({FindingKind::internal_error, fmt::format("internal error: {}", *error)});
  for (const auto key : options_without_effect(agent.options.value(), agent.choice.kind))
    findings.push_back(
        {FindingKind::option_without_effect,
         fmt::format("{}: no effect with the {} datapath: conntrack decides", key, agent.choice.datapath->name())});
  return findings;
}

}  // namespace

void use_limits_of(DatapathKind datapath, const std::function<Result<Counters>()>& read_counters, Desired& desired) {
  if (datapath == DatapathKind::bpf) return;
  desired.max_mappings_per_pod = 0;
  desired.max_mappings = 0;
  if (const auto counters = read_counters())
    for (const auto& table : counters->tables) desired.max_mappings = std::max(desired.max_mappings, table.maximum);
}

AgentState read_state(const AgentParts& agent) {
  const auto now = agent.timers.now();
  AgentState state = {
      .version = MASQ_VERSION,
      .uptime = std::chrono::duration_cast<std::chrono::seconds>(now - agent.started_at),
      .now = now,
      .datapath = agent.choice.datapath->name(),
      .datapath_reason = agent.choice.reason,
      .options = agent.options.state(),
      .sources = agent.sources.states(),
      .reconciler = agent.reconciler.state(),
      .kubernetes_nodes = agent.sources.node().k8s_nodes,
      .kubernetes_requests = agent.api != nullptr ? agent.api->requests() : std::map<int, std::uint64_t>(),
      .counters = agent.choice.datapath->table().counters(),
      .findings = findings_of(agent),
      .read_back_at = agent.choice.datapath->read_back_at()};
  if (auto& applied = state.reconciler.applied)
    use_limits_of(agent.choice.kind, [&] { return state.counters; }, *applied);
  return state;
}

}  // namespace masq::agent
