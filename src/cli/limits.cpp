// SPDX-License-Identifier: Apache-2.0
#include "cli/limits.hpp"

#include <string>
#include <vector>

#include "base/port_range.hpp"
#include "cli/json_members.hpp"

namespace masq::cli {
namespace {

std::vector<PortRange> ranges_of(const nlohmann::ordered_json& words) {
  std::vector<PortRange> ranges;
  for (const auto& word : words)
    if (const auto range = PortRange::parse(word.is_string() ? word.get<std::string>() : std::string()))
      ranges.push_back(*range);
  return ranges;
}

}  // namespace

Limits limits_of(const nlohmann::ordered_json& document) {
  const auto& limits = member(document, "limits");
  return {.mappings = number_of(limits, "mappings"),
          .per_pod = number_of(limits, "mappingsPerPod"),
          .ports = number_of(limits, "ports"),
          .port_ranges = ranges_of(member(limits, "portRanges"))};
}

}  // namespace masq::cli
