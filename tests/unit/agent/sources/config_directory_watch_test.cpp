// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/config_directory_watch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string_view>

#include "agent/sources/config_directory.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/os/loop_test.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class ConfigDirectoryWatchTest : public ::testing::Test {
 protected:
  ConfigDirectoryWatchTest() { fs::create_directory(path); }

  os::TempDirectory parent;
  fs::path path = parent / "keys";
  FakeTimers timers;
  int changes = 0;
  std::unique_ptr<ConfigDirectoryWatch> watch;

  void start() {
    watch = std::make_unique<ConfigDirectoryWatch>(timers, path, read_config_directory(path), [this] { ++changes; });
  }
  void write(std::string_view name, std::string_view text) {
    os::write_file(path / name, text);
    watch->request_check();
  }
};

TEST_F(ConfigDirectoryWatchTest, AChangeCountsWhenTheContentIsStable) {
  start();
  write("log-level", "debug");
  timers.pass(milliseconds(150));
  write("log-format", "json");
  timers.pass(milliseconds(150));
  EXPECT_EQ(changes, 0);
  timers.pass(milliseconds(50));
  EXPECT_EQ(changes, 1);
  watch->request_check();
  timers.pass(milliseconds(1000));
  EXPECT_EQ(changes, 1);
}

TEST_F(ConfigDirectoryWatchTest, AChangeThatIsTakenBackDoesNotCount) {
  os::write_file(path / "log-level", "info");
  start();
  write("log-level", "debug");
  write("log-level", "info");
  timers.pass(milliseconds(1000));
  EXPECT_EQ(changes, 0);
}

TEST_F(ConfigDirectoryWatchTest, AFileThatIsStillOpenForWritingIsNotRead) {
  start();
  const int writer = open((path / "log-level").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_EQ(::write(writer, "deb", 3), 3);
  watch->request_check();
  timers.pass(milliseconds(1000));
  EXPECT_EQ(changes, 0);
  close(writer);
  timers.pass(milliseconds(200));
  EXPECT_EQ(changes, 1);
}

TEST_F(ConfigDirectoryWatchTest, AMissingDirectoryIsAChangeOnce) {
  start();
  fs::remove(path);
  for (int i = 0; i < 3; ++i) {
    watch->request_check();
    timers.pass(milliseconds(1000));
  }
  EXPECT_EQ(changes, 1);
}

TEST_F(ConfigDirectoryWatchTest, WhatTheCallerReadsItselfIsNoChange) {
  start();
  write("log-level", "debug");
  watch->accept();
  watch->request_check();
  timers.pass(milliseconds(1000));
  EXPECT_EQ(changes, 0);
}

using ConfigDirectoryEvents = os::LoopTest;

TEST_F(ConfigDirectoryEvents, AChangeBeforeTheWatchBeganCounts) {
  const os::TempDirectory directory;
  const auto known = read_config_directory(directory / "");
  os::write_file(directory / "log-level", "debug");
  int changes = 0;
  const auto watch = ConfigDirectoryWatch::open(*loop, directory / "", known, [&] { ++changes; });
  ASSERT_TRUE(watch) << watch.error().message;
  EXPECT_TRUE(eventually([&] { return changes == 1; }));
}

}  // namespace
}  // namespace masq::agent
