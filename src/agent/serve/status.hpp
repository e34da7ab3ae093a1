// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/serve/agent_state.hpp"
#include "base/address.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"

namespace masq::agent {

// Returns the family's name in all documents: "ipv4", "ipv6".
std::string family_label(Family family);

// Returns problems and notes, the most important first. Status, health endpoint and metrics are made from them, so that
// they agree.
std::vector<Finding> all_findings(const AgentState& state);

// Returns the texts of the problems that prevent the configured behaviour, most important first; empty: none.
std::vector<std::string> problems(const AgentState& state);

// Returns the problems without a rejected configuration: the last valid one is in force, so the datapath does what is
// configured.
std::vector<std::string> obstacles_to_readiness(const AgentState& state);

// Returns the limits of mappings for all documents: per family, per pod, and per address toward a remote endpoint; 0:
// none.
nlohmann::ordered_json render_limits(const Desired& desired);

// The document of GET /v1/status and `masq status -o json`: docs/reference.md.
nlohmann::ordered_json render_status(const AgentState& state);

}  // namespace masq::agent
