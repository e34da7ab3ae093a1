// SPDX-License-Identifier: Apache-2.0
#include "cli/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/protocol.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "datapath/mapping_table.hpp"

namespace masq::cli {
namespace {

Result<std::optional<Cidr>> parse_prefix(std::string_view option, const Arguments::Option& text) {
  if (!text) return std::nullopt;
  if (const auto address = Address::parse(*text)) return Cidr::host(*address);
  const auto cidr = Cidr::parse(*text);
  if (!cidr)
    return fail("{}: {:?}: an address or a prefix is expected, such as 10.0.1.5 or 10.0.1.0/24", option, *text);
  return *cidr;
}

Result<std::optional<std::string>> parse_state(const Arguments::Option& text) {
  if (!text) return std::nullopt;
  const auto known = mapping_states();
  if (std::ranges::find(known, *text) == known.end())
    return fail("--state: {:?}: one of {} is expected", *text, fmt::join(known, ", "));
  return text;
}

}  // namespace

bool Selection::has(const Mapping& mapping) const {
  return (!pods || pods->contains(mapping.pod)) && (!remotes || remotes->contains(mapping.remote)) &&
         (protocols.empty() || std::ranges::find(protocols, mapping.protocol) != protocols.end()) &&
         (!state || *state == mapping.state);
}

Result<Selection> parse_selection(const Arguments& arguments) {
  TRY(auto pods, parse_prefix("--pod", arguments.pod));
  TRY(auto remotes, parse_prefix("--dst", arguments.dst));
  TRY(auto state, parse_state(arguments.state));
  Selection selection{.pods = pods, .remotes = remotes, .protocols = {}, .state = std::move(state)};
  if (!arguments.proto) return selection;
  auto protocols = parse_protocol(*arguments.proto);
  if (!protocols) return fail_with("--proto", protocols.error());
  selection.protocols = *std::move(protocols);
  return selection;
}

}  // namespace masq::cli
