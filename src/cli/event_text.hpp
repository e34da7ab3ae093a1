// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "datapath/event.hpp"

namespace masq::cli {

// "2026-11-23T03:01:37.185Z created TCP 10.0.1.5:40000 -> 203.0.113.9:443 XLATE_SRC 192.0.2.10:40000"
// "2026-11-23T03:01:37.185Z drop    TCP 10.0.1.5:40001 -> 203.0.113.9:443 egress table_full"
std::string render_event(const Event& event);

}  // namespace masq::cli
