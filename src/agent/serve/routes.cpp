// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/routes.hpp"

#include <chrono>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/export/event_hub.hpp"
#include "agent/serve/agent_state.hpp"
#include "agent/serve/explain_reply.hpp"
#include "agent/serve/metrics.hpp"
#include "agent/serve/options_reply.hpp"
#include "agent/serve/status.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired_json.hpp"
#include "os/fd.hpp"
#include "os/http_server.hpp"
#include "os/process_usage.hpp"

namespace masq::agent {
namespace {

constexpr std::string_view nothing_applied = "nothing is applied yet";

os::HttpReply json_reply(const nlohmann::ordered_json& document, int status = 200) {
  return {.status = status,
          .type = "application/json",
          .body = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

os::HttpReply json_error(int status, std::string_view why) {
  return json_reply({{"error", why}}, status);
}

os::HttpReply answer_status(const AgentParts& agent, std::string_view) {
  return json_reply(render_status(read_state(agent)));
}

os::HttpReply answer_desired(const AgentParts& agent, std::string_view) {
  const auto& applied = agent.reconciler.state().applied;
  return applied ? json_reply(desired_to_json(*applied)) : json_error(503, nothing_applied);
}

os::HttpReply answer_options(const AgentParts& agent, std::string_view) {
  return json_reply(render_options(agent.options, agent.choice.kind));
}

os::HttpReply answer_explain(const AgentParts& agent, std::string_view target) {
  const auto& applied = agent.reconciler.state().applied;
  if (!applied) return json_error(503, nothing_applied);
  const auto question = parse_question(target);
  if (!question) return json_error(400, question.error().message);
  auto desired = *applied;
  use_limits_of(agent.choice.kind, [&] { return agent.choice.datapath->table().counters(); }, desired);
  return json_reply(answer_question(desired, *question, ask_kernel(*question)));
}

os::HttpReply first_problem(const std::vector<std::string>& found) {
  if (found.empty()) return {.status = 200, .body = "OK\n"};
  return {.status = 503, .body = found.front() + "\n"};
}

os::HttpReply answer_ip_masq(const AgentParts& agent, std::string_view) {
  const auto& applied = agent.reconciler.state().applied;
  if (!applied) return json_error(503, nothing_applied);
  auto entries = nlohmann::ordered_json::array();
  for (const auto& entry : ip_masq_of(*applied))
    entries.push_back({{"cidr", entry.cidr.to_string()}, {"masquerade", entry.masquerade}});
  return json_reply({{"entries", std::move(entries)}});
}

os::HttpReply answer_healthz(const AgentParts& agent, std::string_view) {
  return first_problem(problems(read_state(agent)));
}

os::HttpReply answer_readyz(const AgentParts& agent, std::string_view) {
  return first_problem(obstacles_to_readiness(read_state(agent)));
}

// A reply shows that the event loop works.
os::HttpReply answer_liveness(const AgentParts&, std::string_view) {
  return {.status = 200, .body = "OK\n"};
}

os::HttpReply answer_scrape(const AgentParts& agent, std::string_view) {
  return {.type = metrics_content_type,
          .body = render_metrics({.agent = read_state(agent),
                                  .process = os::read_process_usage(),
                                  .wall_clock = std::chrono::system_clock::now()})};
}

os::HttpReply stream_events(const AgentParts& agent, std::string_view target) {
  auto types = parse_event_types(target);
  if (!types) return json_error(400, types.error().message);
  if (auto ready = agent.events.prepare(*types); !ready) return json_error(503, ready.error().message);
  return {.type = "application/x-ndjson",
          .body = {},
          .stream = [&events = agent.events, types = std::move(*types)](os::Fd connection) {
            events.add(std::move(connection), types);
          }};
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

struct Route {
  std::string_view path;
  os::HttpReply (*answer)(const AgentParts&, std::string_view target);
};

constexpr Route api_routes[] = {
    {.path = "/v1/status", .answer = answer_status},   {.path = "/v1/desired", .answer = answer_desired},
    {.path = "/v1/explain", .answer = answer_explain}, {.path = "/v1/events", .answer = stream_events},
    {.path = "/v1/healthz", .answer = answer_healthz}, {.path = "/v1/livez", .answer = answer_liveness},
    {.path = "/v1/readyz", .answer = answer_readyz},   {.path = "/v1/ipmasq", .answer = answer_ip_masq},
    {.path = "/v1/options", .answer = answer_options},
};

constexpr Route metrics_routes[] = {
    {.path = "/metrics", .answer = answer_scrape},
    {.path = "/healthz", .answer = answer_liveness},
    {.path = "/readyz", .answer = answer_readyz},
};

os::HttpReply answer(std::span<const Route> routes, const AgentParts& agent, std::string_view target) {
  for (const auto& route : routes)
    if (path_of(target) == route.path) return route.answer(agent, target);
  return {.status = 404, .body = "not found\n"};
}

}  // namespace

os::HttpReply answer_api(const AgentParts& agent, std::string_view target) {
  return answer(api_routes, agent, target);
}

os::HttpReply answer_metrics(const AgentParts& agent, std::string_view target) {
  return answer(metrics_routes, agent, target);
}

}  // namespace masq::agent
