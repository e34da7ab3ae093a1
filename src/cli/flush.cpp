// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/agent_document.hpp"
#include "cli/command.hpp"
#include "cli/selection.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"
#include "model/desired_json.hpp"
#include "model/mapped_ports.hpp"
#include "model/stale.hpp"

namespace masq {
namespace {

DecidedConnection decided(const Mapping& mapping) {
  DecidedConnection connection{.pod = mapping.pod, .remote = mapping.remote, .external = std::nullopt};
  if (!mapping.left_alone.empty()) return connection;
  connection.external = {.address = mapping.external, .port = std::nullopt};
  if (has_mapped_port(mapping.protocol)) connection.external->port = mapping.external_port;
  return connection;
}

// Returns the applied state, which only the agent has.
std::expected<Desired, NoDocument> query_desired(const World& world) {
  const auto document = query_document(world, "/v1/desired");
  if (!document) return std::unexpected(document.error());
  auto desired = desired_from_json(*document);
  if (!desired) return std::unexpected(NoDocument{.exit = exit_failed, .error = desired.error()});
  return *std::move(desired);
}

std::string count(std::uint64_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

int report(const World& world, const Arguments& arguments, const Ended& ended) {
  if (arguments.json) {
    const nlohmann::ordered_json members = {{"mappingsEnded", ended.mappings},
                                            {"leftAloneForgotten", ended.left_alone}};
    world.out(members.dump(2) + "\n");
    return exit_done;
  }
  world.out(count(ended.mappings, "mapping", "mappings") + " ended\n");
  if (ended.left_alone > 0)
    world.out(count(ended.left_alone, "connection", "connections") + " without masquerading will be decided again\n");
  return exit_done;
}

}  // namespace

int flush_mappings(const World& world, const Arguments& arguments) {
  const auto selection = parse_selection(arguments);
  if (!selection) return end_with(world, exit_wrong_use, selection.error());
  std::optional<Desired> current;
  if (arguments.stale) {
    auto desired = query_desired(world);
    if (!desired)
      return end_with(world, desired.error().exit, {fmt::format("--stale: {}", desired.error().error.message)});
    current = *std::move(desired);
  }
  const auto ended = world.end_mappings([&](const Mapping& mapping) {
    return selection->has(mapping) && (!current || is_stale(*current, decided(mapping)));
  });
  if (!ended) return end_with(world, exit_failed, ended.error());
  return report(world, arguments, *ended);
}

}  // namespace masq
