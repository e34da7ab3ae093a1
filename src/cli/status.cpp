// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_document.hpp"
#include "cli/status_text.hpp"

namespace masq {

int show_status(const World& world, const Arguments& arguments) {
  const auto status = ask_for_document(world, "/v1/status");
  if (!status) return end_with(world, status.error().exit, status.error().error);
  if (arguments.json)
    world.out(status->dump(2) + "\n");
  else if (arguments.brief)
    world.out(render_status_brief(*status) + "\n");
  else
    world.out(render_status_text(*status));
  return is_healthy(*status) ? exit_done : exit_failed;
}

}  // namespace masq
