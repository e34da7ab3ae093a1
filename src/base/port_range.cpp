// SPDX-License-Identifier: Apache-2.0
#include "base/port_range.hpp"

#include <algorithm>
#include <charconv>

namespace masq {
namespace {

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535)
    return fail("\"{}\" is not a port from 1 to 65535", text);
  return static_cast<std::uint16_t>(port);
}

}  // namespace

Result<PortRange> PortRange::parse(std::string_view text) {
  const auto dash = text.find('-');
  const auto low = parse_port(text.substr(0, dash));
  if (!low) return std::unexpected(low.error());
  if (dash == std::string_view::npos) return PortRange{*low, *low};
  const auto high = parse_port(text.substr(dash + 1));
  if (!high) return std::unexpected(high.error());
  if (*low > *high) return fail("\"{}\" is not a port range: LOW-HIGH is expected", text);
  return PortRange{*low, *high};
}

std::string PortRange::to_string() const { return low == high ? fmt::format("{}", low) : fmt::format("{}-{}", low, high); }

std::vector<PortRange> normalise(std::vector<PortRange> ranges) {
  std::ranges::sort(ranges);
  std::vector<PortRange> result;
  for (const auto& range : ranges) {
    if (!result.empty() && range.low <= result.back().high + 1)
      result.back().high = std::max(result.back().high, range.high);
    else
      result.push_back(range);
  }
  return result;
}

std::vector<PortRange> subtract(const std::vector<PortRange>& ranges, const std::vector<PortRange>& holes) {
  std::vector<PortRange> result;
  for (const auto& range : normalise(ranges)) {
    std::uint32_t from = range.low;
    for (const auto& hole : normalise(holes)) {
      if (hole.high < from || hole.low > range.high) continue;
      if (hole.low > from) result.push_back({static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(hole.low - 1)});
      from = hole.high + 1u;
    }
    if (from <= range.high) result.push_back({static_cast<std::uint16_t>(from), range.high});
  }
  return result;
}

std::uint32_t port_count(const std::vector<PortRange>& ranges) {
  std::uint32_t count = 0;
  for (const auto& range : ranges) count += range.high - range.low + 1u;
  return count;
}

std::string join(const std::vector<PortRange>& ranges) {
  std::string out;
  for (const auto& range : ranges) {
    if (!out.empty()) out += ",";
    out += range.to_string();
  }
  return out;
}

}  // namespace masq
