// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "datapath/mapping_table.hpp"

namespace masq::cli {

// "TCP 10.0.1.5:40000 -> 203.0.113.9:443 XLATE_SRC 192.0.2.10:40000 state=established age=12s idle=3s"
std::string render_mapping(const Mapping& mapping);
// The same as a JSON object, on one line.
std::string render_mapping_json(const Mapping& mapping);

// "10.0.1.5:40000", "[fd00::5]:53"
std::string render_endpoint(const Address& address, std::uint16_t port);

}  // namespace masq::cli
