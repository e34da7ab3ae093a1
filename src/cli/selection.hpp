// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"

namespace masq::cli {

// Selects mappings that match all given filters.
struct Selection {
  std::optional<Cidr> pods;
  std::optional<Cidr> remotes;
  std::vector<std::uint8_t> protocols;  // empty: any
  std::optional<std::string> state;

  bool has(const Mapping& mapping) const;
};

// Parses --pod, --dst, --proto and --state. An error is a usage error that names the option and its value.
Result<Selection> parse_selection(const Arguments& arguments);

}  // namespace masq::cli
