// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/reconciler.hpp"
#include "agent/sources/source.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// The complete state of the agent at one moment.
struct AgentState {
  std::string version;
  std::chrono::seconds uptime{};
  Timers::Clock::time_point now{};
  std::string datapath;                         // "BPF"
  std::string datapath_reason;                  // reason of the selection
  Timers::Clock::time_point options_read_at{};  // time of the last successful read of masqd's options
  std::string config_error;                     // of the last reload; empty: it succeeded
  std::vector<Source::State> sources;
  Reconciler::State reconciler;
  Result<Counters> counters;
  std::vector<std::string> datapath_notes;  // problems and hints about the kernel's state
};

// Returns the family's name in all documents: "ipv4", "ipv6".
std::string family_label(Family family);

// Returns the problems that prevent the configured behaviour, most important first; empty: none.
std::vector<std::string> problems(const AgentState& state);

// Returns the limits of mappings for all documents: per family, per pod, and per address toward a remote endpoint.
nlohmann::ordered_json render_limits(const Desired& desired);

// The document of GET /v1/status and `masq status -o json`: docs/reference.md.
nlohmann::ordered_json render_status(const AgentState& state);

}  // namespace masq
