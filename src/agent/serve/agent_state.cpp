// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/agent_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <vector>

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

AgentState read_state(const AgentParts& agent) {
  const auto now = agent.timers.now();
  return {.version = MASQ_VERSION,
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
}

}  // namespace masq::agent
