// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "agent/serve/agent_state.hpp"
#include "os/process_usage.hpp"

namespace masq::agent {

// The agent's state at one moment, and its wall-clock time.
struct MetricsState {
  AgentState agent;
  os::ProcessUsage process;
  std::chrono::system_clock::time_point wall_clock{};  // the same moment as agent.now
};

constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// Renders GET /metrics in Prometheus' text format: docs/reference.md. Unknown values are omitted.
std::string render_metrics(const MetricsState& state);

}  // namespace masq::agent
