// SPDX-License-Identifier: Apache-2.0
#include "agent/node_locks.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "model/config.hpp"
#include "os/lock.hpp"
#include "unit/os/own_network.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::agent {
namespace {

Config config_in(const os::TempDirectory& directory) {
  Config config;
  config.socket_path = (directory / "masqd.sock").string();
  return config;
}

TEST(NodeLocks, AllowOneMasqdForASocket) {
  os::in_own_network([] {
    const os::TempDirectory directory;
    const auto config = config_in(directory);
    const auto first = NodeLocks::take(config);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = NodeLocks::take(config);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, testing::HasSubstr("another masqd runs already"));
  });
}

TEST(NodeLocks, WaitAMomentForAMasqdThatIsBeingEnded) {
  os::in_own_network([] {
    const os::TempDirectory directory;
    const auto config = config_in(directory);
    auto ending = os::lock_file(config.socket_path + ".lock", "masqd");
    ASSERT_TRUE(ending) << ending.error().message;
    std::thread end([lock = std::move(*ending)]() mutable {
      std::this_thread::sleep_for(std::chrono::milliseconds(400));
      lock.reset();
    });
    const auto taken = NodeLocks::take(config);
    end.join();
    EXPECT_TRUE(taken) << taken.error().message;
  });
}

TEST(NodeLocks, OfABpfRootAreTakenOnce) {
  os::in_own_network([] {
    const os::TempDirectory directory, root;
    auto locks = NodeLocks::take(config_in(directory));
    ASSERT_TRUE(locks) << locks.error().message;
    EXPECT_TRUE(locks->lock_bpf_root((root / "").string()));
    EXPECT_TRUE(locks->lock_bpf_root((root / "").string()));
    EXPECT_FALSE(os::lock_directory(root / "", "tester"));
  });
}

TEST(NodeLocks, OfABpfRootForAllAreNotThoseOfAnotherUser) {
  if (getuid() != 0) GTEST_SKIP() << "makes a directory of another user";
  os::in_own_network([] {
    const os::TempDirectory directory, root;
    const auto path = root / "";
    ASSERT_EQ(chmod(path.c_str(), 01777), 0);
    std::filesystem::create_directory(root / "masq");
    ASSERT_EQ(chown((root / "masq").c_str(), 65534, 65534), 0);
    auto held = os::lock_directory(path, "tester");
    ASSERT_TRUE(held);
    auto locks = NodeLocks::take(config_in(directory));
    ASSERT_TRUE(locks) << locks.error().message;
    EXPECT_THAT(locks->lock_bpf_root(path.string()).error().message, testing::HasSubstr("it belongs to user 65534"));
    const auto again = locks->lock_bpf_root(path.string());
    EXPECT_TRUE(again) << "neither the directory nor the lock of another user stops masqd";
  });
}

}  // namespace
}  // namespace masq::agent
