// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "cli/limits.hpp"

namespace masq::cli {

// A connection that a user asks about.
struct Question {
  Address source;
  Address destination;
  std::optional<std::uint8_t> protocol;
  std::optional<std::uint16_t> port;
};

// What the table holds of a connection, and what the first packet of another one finds there.
struct Outlook {
  std::uint64_t alive = 0;             // mappings of this connection
  std::vector<std::string> obstacles;  // limits, each of which drops the packet
  std::vector<std::string> notes;      // limits that a conversation that is over lifts
};

Result<Outlook> outlook_of(const CommandContext& context, const Question& question, const Limits& limits);

}  // namespace masq::cli
