// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "datapath/event.hpp"

namespace masq {

// "2026-11-23T03:01:37.185Z"
std::string render_event_time(const Event& event);

// An event as a JSON object on one line, without the line's end: docs/reference.md lists its members.
std::string render_event_json(const Event& event);
// The reverse. Unknown members are ignored; a missing one is empty.
Result<Event> parse_event_json(std::string_view line);

}  // namespace masq
