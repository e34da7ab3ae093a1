// SPDX-License-Identifier: Apache-2.0
#include "cli/command.hpp"
#include "cli/status_text.hpp"

namespace masq {

int show_status(const World& world, const Arguments& arguments) {
  auto answer = world.ask_agent("/v1/status");
  if (!answer)
    return end_with(world, exit_no_agent, {fmt::format("the agent does not answer: {}", answer.error().message)});
  const auto status = nlohmann::ordered_json::parse(answer->body, nullptr, false);
  if (answer->status != 200 || !status.is_object())
    return end_with(world, exit_failed, {fmt::format("the agent's answer is no status (HTTP {})", answer->status)});
  if (arguments.json)
    world.out(status.dump(2) + "\n");
  else if (arguments.brief)
    world.out(render_status_brief(status) + "\n");
  else
    world.out(render_status_text(status));
  return is_healthy(status) ? exit_done : exit_failed;
}

}  // namespace masq
