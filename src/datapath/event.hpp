// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/address.hpp"

namespace masq {

// An event of the datapath. Ports as in Mapping.
struct Event {
  std::chrono::system_clock::time_point time{};
  std::string type;           // "created", "ended": a mapping; "drop": a packet
  std::uint8_t protocol = 0;  // IPPROTO_*
  Address pod;
  std::uint16_t pod_port = 0;
  Address remote;
  std::uint16_t remote_port = 0;
  Address external;  // of mappings
  std::uint16_t external_port = 0;
  std::string state;      // last state of an ended mapping
  std::string reason;     // of drops
  std::string direction;  // of drops: "egress", "ingress"
};

}  // namespace masq
