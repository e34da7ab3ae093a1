// SPDX-License-Identifier: Apache-2.0
#include "cli/event_text.hpp"

#include <fmt/format.h>

#include <string>

#include "base/protocol.hpp"
#include "cli/mapping_text.hpp"
#include "datapath/event.hpp"
#include "datapath/event_json.hpp"

namespace masq::cli {

std::string render_event(const Event& event) {
  const auto line =
      fmt::format("{} {:<7} {} {} -> {}", render_event_time(event), event.type, protocol_name(event.protocol),
                  render_endpoint(event.pod, event.pod_port), render_endpoint(event.remote, event.remote_port));
  if (!event.reason.empty()) return fmt::format("{} {} {}", line, event.direction, event.reason);
  const auto mapping = fmt::format("{} XLATE_SRC {}", line, render_endpoint(event.external, event.external_port));
  return event.type == "ended" ? fmt::format("{} state={}", mapping, event.state) : mapping;
}

}  // namespace masq::cli
