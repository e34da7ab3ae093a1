// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/memory_source.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <string_view>

#include "model/node.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class MemorySourceTest : public ::testing::Test {
 protected:
  MemorySourceTest() { write("proc/meminfo", "MemTotal:        2000 kB\nMemFree:          100 kB\n"); }

  os::TempDirectory directory;
  FakeTimers timers;
  MemorySource source{timers, {.proc = directory / "proc", .cgroup = directory / "cgroup"}};

  void write(std::string_view path, std::string_view text) {
    fs::create_directories((directory / path).parent_path());
    os::write_file(directory / path, text);
  }
  Memory memory() {
    source.wake();
    source.read();
    Node node;
    source.contribute(node);
    return node.memory;
  }
};

TEST_F(MemorySourceTest, WithoutCgroupsOnlyTheNodeCounts) {
  EXPECT_EQ(memory(), (Memory{.total = 2048000}));
}

TEST_F(MemorySourceTest, TheSmallestLimitOfTheGroupAndItsParentsCounts) {
  write("proc/self/cgroup", "0::/system/masqd\n");
  write("cgroup/system/masqd/memory.max", "max\n");
  EXPECT_EQ(memory().limit, 0U);
  write("cgroup/system/memory.max", "500000\n");
  EXPECT_EQ(memory().limit, 500000U);
  write("cgroup/system/masqd/memory.max", "400000\n");
  EXPECT_EQ(memory().limit, 400000U);
}

TEST_F(MemorySourceTest, AContainerSeesItsOwnGroupAsTheRoot) {
  write("proc/self/cgroup", "0::/\n");
  write("cgroup/memory.max", "300000\n");
  EXPECT_EQ(memory().limit, 300000U);
  write("proc/self/cgroup", "0::/../other\n");
  EXPECT_EQ(memory().limit, 300000U);
}

TEST_F(MemorySourceTest, TheFirstVersionOfCgroupsHasAnotherFile) {
  write("proc/self/cgroup", "12:cpu,cpuacct:/a\n9:memory:/kubepods/pod1\n0::/init.scope\n");
  write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("cgroup/memory/kubepods/pod1/memory.limit_in_bytes", "200000\n");
  write("cgroup/memory.max", "100000\n");
  EXPECT_EQ(memory().limit, 200000U);
}

TEST_F(MemorySourceTest, AFailureKeepsTheLastFact) {
  EXPECT_EQ(memory().total, 2048000U);
  write("proc/meminfo", "MemFree: 5 kB\n");
  EXPECT_EQ(memory().total, 2048000U);
  EXPECT_THAT(source.state().error, HasSubstr("meminfo: no line \"MemTotal:\" with a number"));
}

}  // namespace
}  // namespace masq::agent
