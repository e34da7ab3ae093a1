// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/reconciler.hpp"
#include "agent/source.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// Everything that the agent knows of itself at one moment.
struct AgentState {
  std::string version;
  std::chrono::seconds uptime{};
  Timers::Clock::time_point now{};
  std::string datapath;                         // "BPF"
  std::string datapath_reason;                  // why it was chosen
  Timers::Clock::time_point options_read_at{};  // when masqd's options were last read without an error
  std::string config_error;                     // of the last reload; empty: it went well
  std::vector<Source::State> sources;
  Reconciler::State reconciler;
  Result<Counters> counters;
  std::vector<std::string> datapath_notes;  // what it sees in the kernel
};

// What keeps masq from doing what it is told, most important first; empty: all is well.
std::vector<std::string> problems(const AgentState& state);

// What mappings are limited by, in all documents: of each family, of a pod, of an address toward a remote endpoint.
nlohmann::ordered_json render_limits(const Desired& desired);

// The document of GET /v1/status and `masq status -o json`: docs/reference.md.
nlohmann::ordered_json render_status(const AgentState& state);

}  // namespace masq
