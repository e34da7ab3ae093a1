// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/command.hpp"

namespace masq::cli {

// The reason why no document is available: `exit` is the exit code of the command.
struct NoDocument {
  Exit exit;
  Error error;
};

// Returns the agent's reply to GET `target`: a JSON object. Exit codes: exit_no_agent if the agent is not reachable,
// exit_wrong_use if it rejects the request, exit_failed for any other reply.
std::expected<nlohmann::ordered_json, NoDocument> query_document(const CommandContext& context,
                                                                 const std::string& target);

}  // namespace masq::cli
