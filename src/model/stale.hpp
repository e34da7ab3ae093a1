// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "model/desired.hpp"

namespace masq {

// A connection, and its original decision.
struct DecidedConnection {
  struct External {
    Address address;
    std::optional<std::uint16_t> port;  // absent: !has_mapped_port()
  };
  Address pod;
  Address remote;
  std::optional<External> external;  // absent: the connection is not masqueraded
};

// Returns true if the current configuration would treat the connection's first packet differently: bypass instead of
// masquerade, the reverse, or masquerade with an address or port that it would not select now.
bool is_stale(const Desired& desired, const DecidedConnection& connection);

}  // namespace masq
