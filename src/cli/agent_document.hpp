// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/command.hpp"

namespace masq {

// Why there is no document: `exit` is what the command ends with.
struct NoDocument {
  Exit exit;
  Error error;
};

// What the agent answers to a GET of `target`: a JSON object. An agent that is not there is exit_no_agent, one that
// does not take the question exit_wrong_use, any other answer exit_failed.
std::expected<nlohmann::ordered_json, NoDocument> query_document(const World& world, const std::string& target);

}  // namespace masq
