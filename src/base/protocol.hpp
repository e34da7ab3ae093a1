// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq {

// "TCP", "UDP", "ICMP", …; else the protocol number.
std::string protocol_name(std::uint8_t protocol);
// "tcp", "udp", "icmp", …: the names that parse_protocol() knows.
std::vector<std::string> protocol_words();
// Returns the protocol numbers of a name in any case: "tcp", "17"; "icmp" means the protocols of both families.
Result<std::vector<std::uint8_t>> parse_protocol(std::string_view name);

}  // namespace masq
