// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstddef>
#include <string_view>

#include "base/protocol.hpp"
#include "base/result.hpp"
#include "cli/agent_document.hpp"
#include "cli/command.hpp"
#include "cli/json_members.hpp"
#include "cli/limits.hpp"
#include "cli/status_text.hpp"
#include "cli/usage.hpp"
#include "datapath/mapping_table.hpp"

namespace masq::cli {
namespace {

constexpr std::size_t max_shown_pods = 20;

// Combines the limits of the agent with the usage of the table.
nlohmann::ordered_json render_usage(const Usage& usage, const Limits& limits, MappingTable& table) {
  nlohmann::ordered_json document = {{"podsAtLimit", 0}, {"pods", nlohmann::ordered_json::array()}};
  std::size_t at_limit = 0;
  for (const auto& pod : usage.pods) {
    if (limits.per_pod == 0 || pod.mappings < limits.per_pod) break;  // sorted by the number of mappings
    if (++at_limit <= max_shown_pods)
      document["pods"].push_back(
          {{"pod", pod.address.to_string()}, {"mappings", pod.mappings}, {"max", limits.per_pod}});
  }
  document["podsAtLimit"] = at_limit;
  if (usage.destinations.empty()) return document;
  const auto& fullest = usage.destinations.front();
  document["fullestDestination"] = {{"protocol", protocol_name(fullest.protocol)},
                                    {"address", fullest.remote.to_string()},
                                    {"port", fullest.remote_port},
                                    {"external", fullest.external.to_string()},
                                    {"ports", fullest.of_range},
                                    {"max", limits.ports}};
  if (fullest.of_range * 10 >= limits.ports * 9)  // its ports run short
    if (const auto settings = table.port_timeouts(); !settings.empty())
      document["fullestDestination"]["keptBy"] = settings;
  return document;
}

// The replies of the paths for probes are one line of text.
int show_probe(const CommandContext& context, std::string_view target) {
  const auto answer = context.query_agent(target);
  if (!answer)
    return exit_with_error(context, exit_no_agent,
                           {fmt::format("the agent is not reachable: {}", answer.error().message)});
  context.out(answer->body);
  return answer->status == 200 ? exit_done : exit_failed;
}

}  // namespace

int show_status(const CommandContext& context, const Arguments& arguments) {
  if (arguments.alive) return show_probe(context, "/v1/livez");
  if (arguments.ready) return show_probe(context, "/v1/readyz");
  auto status = query_document(context, "/v1/status");
  if (!status) return exit_with_error(context, status.error().exit, status.error().error);
  if (!arguments.brief)
    if (const auto usage = measure_usage(context, limits_of(*status).port_ranges))
      (*status)["usage"] = render_usage(*usage, limits_of(*status), context.table);
  if (arguments.json)
    context.out(document_text(*status));
  else if (arguments.brief)
    context.out(render_status_brief(*status) + "\n");
  else
    context.out(render_status_text(*status));
  return is_healthy(*status) ? exit_done : exit_failed;
}

}  // namespace masq::cli
