// SPDX-License-Identifier: Apache-2.0
#include "os/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "os/fd.hpp"
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

TEST(Lock, OfANetworkNamespaceHoldsWhileTheOneWhoHasItIsStopped) {
  if (getuid() != 0) GTEST_SKIP() << "only root's name is a lock";
  const auto name = fmt::format("masq/unit-stopped-{}", getpid());
  const auto first = lock_network_namespace(name, "tester").value();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(lock_network_namespace(name, "tester")) << i << ": nobody answers";
}

TEST(Lock, ANetworkNamespaceIsNotLockedByAnotherUser) {
  if (getuid() != 0) GTEST_SKIP() << "becomes another user";
  const auto name = fmt::format("masq/unit-nobody-{}", getpid());
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(65534) != 0) _exit(1);
    const auto lock = lock_network_namespace(name, "tester");
    if (write(pipe_ends[1], "x", 1) == 1) pause();
    _exit(1);
  }
  char ready = 0;
  ASSERT_EQ(read(pipe_ends[0], &ready, 1), 1);
  const auto lock = lock_network_namespace(name, "tester");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(lock) << lock.error().message;
}

TEST(Lock, AFileOfAnotherUserIsReplaced) {
  if (getuid() != 0) GTEST_SKIP() << "makes a file of another user";
  const TempDirectory directory;
  write_file(directory / "lock", "1");
  ASSERT_EQ(chown((directory / "lock").c_str(), 65534, 65534), 0);
  const Fd held(open((directory / "lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(held.get(), LOCK_EX | LOCK_NB), 0);
  const auto lock = lock_file(directory / "lock", "tester");
  EXPECT_TRUE(lock) << lock.error().message;
}

}  // namespace
}  // namespace masq::os
