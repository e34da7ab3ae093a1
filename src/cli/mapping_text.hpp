// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "datapath/datapath.hpp"

namespace masq {

// "TCP 10.0.1.5:40000 -> 203.0.113.9:443 XLATE_SRC 192.0.2.10:40000 state=established age=12s idle=3s"
std::string render_mapping(const Mapping& mapping);
nlohmann::ordered_json render_mapping_json(const Mapping& mapping);

// "TCP", "UDP", "ICMP", …; the number of one without a name here.
std::string protocol_name(std::uint8_t protocol);

}  // namespace masq
