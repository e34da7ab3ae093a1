// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/sysctl_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/port_range.hpp"
#include "base/result.hpp"
#include "model/node.hpp"
#include "os/file.hpp"

namespace masq::agent {
namespace {

constexpr std::size_t max_sysctl_size = 1 << 20;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

template <class T>
Result<T> read_as(const std::filesystem::path& path, Result<T> (*parse)(std::string_view)) {
  TRY(auto text, os::read_file(path, max_sysctl_size));
  auto value = parse(text);
  if (!value) return fail_with(path.string(), value.error());
  return value;
}

}  // namespace

Result<PortRange> parse_local_port_range(std::string_view text) {
  std::string range;
  for (const char c : trim(text)) {
    if (c != ' ' && c != '\t')
      range += c;
    else if (!range.ends_with('-'))
      range += '-';
  }
  return PortRange::parse(range);
}

Result<std::vector<PortRange>> parse_reserved_ports(std::string_view text) {
  std::vector<PortRange> ranges;
  for (auto rest = trim(text); !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto item = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (item == "0") continue;  // accepted by the kernel, but no port
    TRY(auto range, PortRange::parse(item.starts_with("0-") ? fmt::format("1{}", item.substr(1)) : std::string(item)));
    ranges.push_back(range);
  }
  return normalise(std::move(ranges));
}

Result<HostPortsFact> SysctlSource::list() {
  TRY(const auto local, read_as(directory_ / "ip_local_port_range", parse_local_port_range));
  TRY(auto reserved, read_as(directory_ / "ip_local_reserved_ports", parse_reserved_ports));
  return HostPortsFact{.local_range = local, .reserved = std::move(reserved)};
}

void SysctlSource::contribute(Node& node) const {
  node.local_port_range = value().local_range;
  node.local_reserved_ports = value().reserved;
}

}  // namespace masq::agent
