// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "agent/serve/agent_state.hpp"
#include "os/http_server.hpp"

namespace masq::agent {

// Replies to a GET on the unix socket: /v1/status, /v1/desired, /v1/ipmasq, /v1/options, /v1/explain, /v1/events (a
// stream), /v1/healthz (docs/reference.md). `target` includes the query. 404: no such path; 503: nothing is applied
// yet, no source of events, or (healthz) a problem; 400: a wrong query.
os::HttpReply answer_api(const AgentParts& agent, std::string_view target);

// Replies to a GET on prometheus-serve-addr: /metrics; /healthz: 200; /readyz: 200, or 503 and the problem; else 404.
os::HttpReply answer_metrics(const AgentParts& agent, std::string_view target);

}  // namespace masq::agent
