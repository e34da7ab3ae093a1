// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/sources/fact_source.hpp"
#include "base/port_range.hpp"

namespace masq::agent {

struct HostPortsFact {
  PortRange local_range;
  std::vector<PortRange> reserved;
};

// The ports that the kernel reserves for the host's own sockets in this network namespace. The kernel reports no
// changes, so they are read at each resync.
class SysctlSource final : public ListedSource<HostPortsFact> {
 public:
  explicit SysctlSource(os::Timers& timers, std::filesystem::path directory = "/proc/sys/net/ipv4")
      : ListedSource("sysctl", Need::required, timers), directory_(std::move(directory)) {}

  void contribute(Node& node) const override;

 private:
  Result<HostPortsFact> list() override;

  std::filesystem::path directory_;
};

// "32768\t60999\n"
Result<PortRange> parse_local_port_range(std::string_view text);
// "8080,9000-9100\n"; empty: none
Result<std::vector<PortRange>> parse_reserved_ports(std::string_view text);

}  // namespace masq::agent
