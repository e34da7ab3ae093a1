// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "cli/agent_document.hpp"
#include "cli/command.hpp"
#include "cli/json_members.hpp"
#include "cli/selection.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"
#include "model/desired_json.hpp"
#include "model/mapped_ports.hpp"
#include "model/stale.hpp"

namespace masq::cli {
namespace {

DecidedConnection decided(const Mapping& mapping) {
  DecidedConnection connection{.pod = mapping.pod, .remote = mapping.remote, .external = std::nullopt};
  if (!mapping.bypass_reason.empty()) return connection;
  connection.external = {.address = mapping.external, .port = std::nullopt};
  if (has_mapped_port(mapping.protocol)) connection.external->port = mapping.external_port;
  return connection;
}

// Returns the applied state, which only the agent has.
std::expected<Desired, NoDocument> query_desired(const CommandContext& context) {
  TRY(const auto document, query_document(context, "/v1/desired"));
  auto desired = desired_from_json(document);
  if (!desired) return std::unexpected(NoDocument{.exit = exit_failed, .error = desired.error()});
  return *std::move(desired);
}

std::string count(std::uint64_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

int report(const CommandContext& context, const Arguments& arguments, const Ended& ended) {
  if (arguments.json) {
    const nlohmann::ordered_json members = {{"mappingsEnded", ended.mappings}, {"bypassedCleared", ended.bypassed}};
    context.out(document_text(members));
    return exit_done;
  }
  context.out(count(ended.mappings, "mapping", "mappings") + " ended\n");
  if (ended.bypassed > 0)
    context.out(count(ended.bypassed, "connection", "connections") + " without masquerading will be decided again\n");
  return exit_done;
}

}  // namespace

int flush_mappings(const CommandContext& context, const Arguments& arguments) {
  const auto selection = parse_selection(arguments);
  if (!selection) return exit_with_error(context, exit_wrong_use, selection.error());
  std::optional<Desired> current;
  if (arguments.stale) {
    auto desired = query_desired(context);
    if (!desired)
      return exit_with_error(context, desired.error().exit,
                             {fmt::format("--stale: {}", desired.error().error.message)});
    current = *std::move(desired);
  }
  const auto ended = context.table.end([&](const Mapping& mapping) {
    return selection->has(mapping) && (!current || is_stale(*current, decided(mapping)));
  });
  if (!ended) return exit_with_error(context, exit_failed, ended.error());
  return report(context, arguments, *ended);
}

}  // namespace masq::cli
