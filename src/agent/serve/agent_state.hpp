// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath_choice.hpp"
#include "agent/export/event_hub.hpp"
#include "agent/reconciler.hpp"
#include "agent/serve/internal_errors.hpp"
#include "agent/serve/metrics_ports.hpp"
#include "agent/sources/options_source.hpp"
#include "agent/sources/source_set.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "datapath/datapath.hpp"
#include "kubernetes/api.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// The complete state of the agent at one moment.
struct AgentState {
  std::string version;
  std::chrono::seconds uptime{};
  os::Timers::Clock::time_point now{};
  std::string datapath;         // "BPF"
  std::string datapath_reason;  // reason of the selection
  Source::State options;        // the error is of the last reload
  std::vector<Source::State> sources;
  Reconciler::State reconciler;
  std::size_t kubernetes_nodes = 0;
  std::map<int, std::uint64_t> kubernetes_requests;  // by status; 0: without an answer
  Result<Counters> counters;
  std::vector<Finding> findings;                              // of the desired state and of the kernel
  std::optional<os::Timers::Clock::time_point> read_back_at;  // Datapath::read_back_at()
};

// The objects whose state is served. They outlive the servers.
struct AgentParts {
  const os::Timers& timers;
  os::Timers::Clock::time_point started_at;
  const DatapathChoice& choice;
  const OptionsSource& options;
  const SourceSet& sources;
  const kubernetes::Api* api;  // null: Kubernetes is not used
  const Reconciler& reconciler;
  const InternalErrors& internal_errors;
  const ListenErrors& listen_errors;
  EventHub& events;
};

AgentState read_state(const AgentParts& agent);

// Sets the limits of mappings that the datapath really has, 0: none. conntrack has a maximum of its own, and none for a
// pod.
void use_limits_of(DatapathKind datapath, const std::function<Result<Counters>()>& read_counters, Desired& desired);

}  // namespace masq::agent
