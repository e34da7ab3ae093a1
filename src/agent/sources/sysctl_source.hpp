// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "agent/sources/source.hpp"
#include "base/port_range.hpp"

namespace masq {

// The ports that the kernel reserves for the host's own sockets in this network namespace. The kernel reports no
// changes, so they are read at each resync.
class SysctlSource final : public Source {
 public:
  explicit SysctlSource(Timers& timers, std::filesystem::path directory = "/proc/sys/net/ipv4")
      : Source("sysctl"), timers_(timers), directory_(std::move(directory)) {}

  void wake() override { stale_ = true; }
  void read() override;
  void contribute(Node& node) const override;

 private:
  Timers& timers_;
  std::filesystem::path directory_;
  bool stale_ = true;
  PortRange local_;
  std::vector<PortRange> reserved_;
};

// "32768\t60999\n"
Result<PortRange> parse_local_port_range(std::string_view text);
// "8080,9000-9100\n"; empty: none
Result<std::vector<PortRange>> parse_reserved_ports(std::string_view text);

}  // namespace masq
