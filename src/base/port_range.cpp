// SPDX-License-Identifier: Apache-2.0
#include "base/port_range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/result.hpp"

namespace masq {
namespace {

// Parses 1 to 65535, digits only. Returns 0 if the text is not a port.
std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* const past_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), past_end, port);
  return error == std::errc() && end == past_end ? port : 0;
}

}  // namespace

Result<PortRange> PortRange::parse(std::string_view text) {
  const auto dash = text.find('-');
  const auto low = parse_port(text.substr(0, dash));
  const auto high = dash == text.npos ? low : parse_port(text.substr(dash + 1));
  if (low == 0 || high < low) return fail("{:?}: a port or a range of ports is expected, such as 1024-29999", text);
  return PortRange{low, high};
}

std::string PortRange::to_string() const {
  return low == high ? fmt::format("{}", low) : fmt::format("{}-{}", low, high);
}

std::vector<PortRange> normalise(std::vector<PortRange> ranges) {
  std::ranges::sort(ranges);
  std::vector<PortRange> merged;
  for (const auto& range : ranges) {
    if (!merged.empty() && range.low <= merged.back().high + 1)
      merged.back().high = std::max(merged.back().high, range.high);
    else
      merged.push_back(range);
  }
  return merged;
}

std::vector<PortRange> subtract(const std::vector<PortRange>& ranges, const std::vector<PortRange>& holes) {
  const auto sorted_holes = normalise(holes);
  std::vector<PortRange> left;
  for (const auto& range : normalise(ranges)) {
    int low = range.low;  // int: one past 65535 must not wrap
    for (const auto& hole : sorted_holes) {
      if (hole.high < low || hole.low > range.high) continue;
      if (hole.low > low) left.push_back({static_cast<std::uint16_t>(low), static_cast<std::uint16_t>(hole.low - 1)});
      low = hole.high + 1;
    }
    if (low <= range.high) left.push_back({static_cast<std::uint16_t>(low), range.high});
  }
  return left;
}

std::vector<PortRange> intersect(const std::vector<PortRange>& ranges, PortRange limits) {
  std::vector<PortRange> inside;
  for (const auto& range : normalise(ranges))
    if (range.low <= limits.high && limits.low <= range.high)
      inside.push_back({std::max(range.low, limits.low), std::min(range.high, limits.high)});
  return inside;
}

std::uint32_t port_count(const std::vector<PortRange>& ranges) {
  std::uint32_t count = 0;
  for (const auto& range : normalise(ranges)) count += range.high - range.low + 1u;
  return count;
}

std::string join(const std::vector<PortRange>& ranges) {
  std::string text;
  for (const auto& range : ranges) {
    if (!text.empty()) text += ',';
    text += range.to_string();
  }
  return text;
}

}  // namespace masq
