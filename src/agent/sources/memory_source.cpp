// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/memory_source.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <ranges>
#include <string_view>
#include <system_error>

#include "base/result.hpp"
#include "model/node.hpp"
#include "os/file.hpp"

namespace masq::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_file_size = 1 << 20;

// The number at the beginning of the text, behind blanks.
std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

auto lines_of(std::string_view text) {
  return text | std::views::split('\n') |
         std::views::transform([](const auto& line) { return std::string_view(line); });
}

// A process in a cgroup namespace sees a group outside of it as "/..": its limits are not visible.
fs::path visible_group(std::string_view written) {
  const fs::path group = fs::path(written).relative_path();
  return std::ranges::find(group, fs::path("..")) == group.end() ? group : fs::path();
}

}  // namespace

Result<std::uint64_t> parse_total_memory(std::string_view meminfo) {
  constexpr std::string_view name = "MemTotal:";
  for (const auto line : lines_of(meminfo)) {
    if (!line.starts_with(name)) continue;
    if (const auto kilobytes = leading_number(line.substr(name.size()))) return *kilobytes * 1024;
  }
  return fail("no line {:?} with a number", name);
}

std::optional<MemoryCgroup> parse_memory_cgroup(std::string_view cgroups) {
  std::optional<MemoryCgroup> unified;
  for (const auto line : lines_of(cgroups)) {
    const auto controllers = line.substr(std::min(line.find(':'), line.size()));
    if (controllers.starts_with(":memory:"))
      return MemoryCgroup{"memory", visible_group(controllers.substr(8)), "memory.limit_in_bytes"};
    if (line.starts_with("0::")) unified = MemoryCgroup{"", visible_group(line.substr(3)), "memory.max"};
  }
  return unified;
}

// A limit of a group holds for all groups below it. "max" is no number.
std::uint64_t MemorySource::smallest_limit() const {
  const auto cgroups = os::read_file_if_any(places_.proc / "self/cgroup", max_file_size);
  const auto found = cgroups && *cgroups ? parse_memory_cgroup(**cgroups) : std::nullopt;
  if (!found) return 0;
  std::uint64_t smallest = 0;
  for (auto group = found->group;; group = group.parent_path()) {
    const auto text = os::read_file_if_any(places_.cgroup / found->mount / group / found->limit_file, max_file_size);
    const auto limit = text && *text ? leading_number(**text) : std::nullopt;
    if (limit && *limit != 0 && (smallest == 0 || *limit < smallest)) smallest = *limit;
    if (group.empty()) return smallest;
  }
}

Result<Memory> MemorySource::list() {
  const auto meminfo = places_.proc / "meminfo";
  TRY(const auto text, os::read_file(meminfo, max_file_size));
  const auto total = parse_total_memory(text);
  if (!total) return fail_with(meminfo.string(), total.error());
  return Memory{.total = *total, .limit = smallest_limit()};
}

void MemorySource::contribute(Node& node) const {
  node.memory = value();
}

}  // namespace masq::agent
