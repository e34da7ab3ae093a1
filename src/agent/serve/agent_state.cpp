// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/agent_state.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "model/options/options.hpp"
#include "model/reverse_path.hpp"

namespace masq::agent {
namespace {

std::vector<std::string> datapath_notes(const AgentParts& agent) {
  auto notes = agent.choice.datapath->notes();
  for (const auto key : options_without_effect(agent.options.value(), agent.choice.kind))
    notes.push_back(
        fmt::format("{}: no effect with the {} datapath: conntrack decides", key, agent.choice.datapath->name()));
  if (const auto& applied = agent.reconciler.state().applied)
    for (auto& note : notes_on_reverse_path(*applied, agent.sources.node())) notes.push_back(std::move(note));
  return notes;
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
          .counters = agent.choice.datapath->table().counters(),
          .datapath_notes = datapath_notes(agent)};
}

}  // namespace masq::agent
