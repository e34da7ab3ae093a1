// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/sysctl_source.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/port_range.hpp"
#include "model/node.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::agent {
namespace {

TEST(SysctlSource, ReadsWhatTheKernelWrites) {
  EXPECT_EQ(parse_local_port_range("32768\t60999\n").value(), (PortRange{32768, 60999}));
  EXPECT_EQ(parse_local_port_range("1024 65535").value(), (PortRange{1024, 65535}));
  EXPECT_FALSE(parse_local_port_range("\n"));
  EXPECT_EQ(join(parse_reserved_ports("\n").value()), "");
  EXPECT_EQ(join(parse_reserved_ports("8080,9000-9100\n").value()), "8080,9000-9100");
  EXPECT_EQ(join(parse_reserved_ports("0-5,7\n").value()), "1-5,7");
  EXPECT_EQ(join(parse_reserved_ports("0,9\n").value()), "9");
  EXPECT_FALSE(parse_reserved_ports("x\n"));
}

TEST(SysctlSource, KeepsTheLastFactWhenItCannotRead) {
  const os::TempDirectory directory;
  FakeTimers timers;
  SysctlSource source(timers, directory / "");
  source.read();
  EXPECT_FALSE(source.has_delivered());
  os::write_file(directory / "ip_local_port_range", "40000\t50000\n");
  os::write_file(directory / "ip_local_reserved_ports", "8080\n");
  source.read();
  std::filesystem::remove(directory / "ip_local_port_range");
  source.wake();
  source.read();
  EXPECT_TRUE(source.has_delivered());
  EXPECT_NE(source.state().error, "");
  Node node;
  source.contribute(node);
  EXPECT_EQ(node.local_port_range, (PortRange{40000, 50000}));
  EXPECT_EQ(join(node.local_reserved_ports), "8080");
}

}  // namespace
}  // namespace masq::agent
