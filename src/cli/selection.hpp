// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"

namespace masq {

// Which mappings a command is about: those that have everything that was asked for.
struct Selection {
  std::optional<Cidr> pods;
  std::optional<Cidr> remotes;
  std::vector<std::uint8_t> protocols;  // empty: any
  std::optional<std::string> state;

  bool has(const Mapping& mapping) const;
};

// From --pod, --dst, --proto and --state. An error names the option and its value: it is wrong use.
Result<Selection> parse_selection(const Arguments& arguments);

}  // namespace masq
