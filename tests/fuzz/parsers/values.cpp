// SPDX-License-Identifier: Apache-2.0
// Values of options and arguments, one a line: what is accepted and printed is accepted again, and means the same.
#include <algorithm>
#include <string>

#include "agent/sources/memory_source.hpp"
#include "agent/sources/sysctl_source.hpp"
#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/cidr.hpp"
#include "base/duration.hpp"
#include "base/port_range.hpp"
#include "base/printable.hpp"
#include "base/protocol.hpp"
#include "cli/command.hpp"
#include "cli/selection.hpp"
#include "model/options/options.hpp"
#include "target.hpp"

namespace masq::fuzz {
namespace {

template <class Value>
void there_and_back(const std::string& text) {
  const auto value = Value::parse(text);
  if (!value) return;
  const auto again = Value::parse(value->to_string());
  require(again && *again == *value, "a printed value is the same");
}

}  // namespace

void fuzz_values(Input input) {
  const auto text = text_of(input);
  (void)agent::parse_local_port_range(text);
  (void)agent::parse_reserved_ports(text);
  (void)agent::parse_total_memory(text);
  // Nothing outside the mount of the cgroups is read.
  if (const auto found = agent::parse_memory_cgroup(text))
    require(found->group.is_relative() && std::ranges::find(found->group, "..") == found->group.end(),
            "a cgroup is below its mount");
  (void)printable(text);
  for (const auto& line : lines_of(text)) {
    there_and_back<Address>(line);
    there_and_back<AddressRange>(line);
    there_and_back<Cidr>(line);
    there_and_back<PortRange>(line);
    (void)parse_duration(line);
    (void)parse_protocol(line);
    (void)cli::parse_selection({.pod = line, .dst = line, .proto = line, .state = line});
    for (const auto& option : options()) {
      ConfigDraft draft;
      if (set_option(draft, option, option.key, "fuzz", std::span(&line, 1))) (void)finish_config(draft);
    }
  }
}

}  // namespace masq::fuzz
