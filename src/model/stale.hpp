// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "model/desired.hpp"

namespace masq {

// A connection, and what was decided for it when it began.
struct DecidedConnection {
  struct External {
    Address address;
    std::optional<std::uint16_t> port;  // none: !has_mapped_port()
  };
  Address pod;
  Address remote;
  std::optional<External> external;  // none: it was left alone
};

// Whether today's configuration would do something else with its first packet: leave it alone and not masquerade it,
// or the other way round, or masquerade it as an address or port that it would not choose now.
bool would_decide_otherwise(const Desired& desired, const DecidedConnection& connection);

}  // namespace masq
