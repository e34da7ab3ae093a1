// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_document.hpp"

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

#include "cli/command.hpp"
#include "cli/json_members.hpp"

namespace masq::cli {

std::expected<nlohmann::ordered_json, NoDocument> query_document(const CommandContext& context,
                                                                 const std::string& target) {
  const auto refuse = [](Exit exit, std::string why) {
    return std::unexpected(NoDocument{.exit = exit, .error = {std::move(why)}});
  };
  auto answer = context.query_agent(target);
  if (!answer) return refuse(exit_no_agent, fmt::format("the agent is not reachable: {}", answer.error().message));
  auto document = nlohmann::ordered_json::parse(answer->body, nullptr, false);
  if (answer->status == 200 && document.is_object()) return document;
  const auto why = text_of(document, "error");
  if (why.empty()) return refuse(exit_failed, fmt::format("invalid response from masqd (HTTP {})", answer->status));
  return refuse(answer->status == 400 ? exit_wrong_use : exit_failed, why);
}

}  // namespace masq::cli
