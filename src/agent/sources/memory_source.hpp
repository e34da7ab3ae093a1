// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/sources/fact_source.hpp"
#include "base/result.hpp"
#include "model/node.hpp"

namespace masq::agent {

// The memory of the node, and the smallest limit of the cgroups that masqd is in. The kernel reports no changes, so
// they are read at each resync.
class MemorySource final : public ListedSource<Memory> {
 public:
  // The directories where the kernel shows them.
  struct Places {
    std::filesystem::path proc = "/proc";
    std::filesystem::path cgroup = "/sys/fs/cgroup";
  };

  explicit MemorySource(os::Timers& timers, Places places)
      : ListedSource("memory", Need::optional, timers), places_(std::move(places)) {}
  explicit MemorySource(os::Timers& timers) : MemorySource(timers, Places()) {}

  void contribute(Node& node) const override;

 private:
  Result<Memory> list() override;
  std::uint64_t smallest_limit() const;

  Places places_;
};

// /proc/meminfo -> MemTotal in bytes (proc_meminfo(5)).
Result<std::uint64_t> parse_total_memory(std::string_view meminfo);

// Where the limits of a process's cgroup are, below the mount of the cgroups.
struct MemoryCgroup {
  std::filesystem::path mount;  // empty for cgroup v2, "memory" for v1
  std::filesystem::path group;  // relative to it
  std::string_view limit_file;  // "memory.max", "memory.limit_in_bytes"
};
// /proc/PID/cgroup (cgroups(7)); absent: no cgroup controls the memory.
std::optional<MemoryCgroup> parse_memory_cgroup(std::string_view cgroups);

}  // namespace masq::agent
