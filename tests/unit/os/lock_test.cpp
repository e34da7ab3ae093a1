// SPDX-License-Identifier: Apache-2.0
#include "os/lock.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "unit/os/temp_directory.hpp"

namespace masq::os {
namespace {

TEST(Lock, OfAFileNamesTheOneWhoHasIt) {
  const TempDirectory directory;
  auto first = lock_file(directory / "lock", "tester");
  ASSERT_TRUE(first);
  EXPECT_EQ(lock_file(directory / "lock", "tester").error().message,
            fmt::format("another tester runs already: process {} has {}", getpid(), (directory / "lock").string()));
  first->reset();
  EXPECT_TRUE(lock_file(directory / "lock", "tester"));
}

TEST(Lock, OfAFileFollowsNoSymlink) {
  const TempDirectory directory;
  write_file(directory / "file", "precious");
  std::filesystem::create_symlink("file", directory / "lock");
  EXPECT_FALSE(lock_file(directory / "lock", "tester"));
}

TEST(Lock, EndsWithTheProcess) {
  const TempDirectory directory;
  const pid_t child = fork();
  if (child == 0) {
    auto lock = lock_file(directory / "lock", "tester");
    _exit(lock ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(lock_file(directory / "lock", "tester"));
}

TEST(Lock, OfADirectory) {
  const TempDirectory directory;
  auto first = lock_directory(directory / "", "tester");
  ASSERT_TRUE(first);
  EXPECT_FALSE(lock_directory(directory / "", "tester"));
  first->reset();
  EXPECT_TRUE(lock_directory(directory / "", "tester"));
}

TEST(Lock, OfANetworkNamespaceNamesTheOneWhoHasIt) {
  if (getuid() != 0) GTEST_SKIP() << "only root's name is a lock";
  const auto name = fmt::format("masq/unit-{}", getpid());
  auto first = lock_network_namespace(name, "tester").value();
  for (int i = 0; i < 20; ++i) {
    const auto second = lock_network_namespace(name, "tester");
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, ::testing::EndsWith(fmt::format("process {}", getpid())));
    drain_connections(first.get());
  }
  first.reset();
  EXPECT_TRUE(lock_network_namespace(name, "tester").value());
}

}  // namespace
}  // namespace masq::os
