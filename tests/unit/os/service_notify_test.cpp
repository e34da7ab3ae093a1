// SPDX-License-Identifier: Apache-2.0
#include "os/service_notify.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

#include "os/fd.hpp"
#include "os/unix_socket.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::os {
namespace {

void expect_told(const std::string& name) {
  const auto address = UnixAddress::make(name).value();
  const Fd manager(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(manager.get(), address.get(), address.size), 0);
  EXPECT_TRUE(notify_service_manager(name, "READY=1"));
  std::array<char, 64> text;
  const ssize_t size = recv(manager.get(), text.data(), text.size(), MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string_view(text.data(), static_cast<std::size_t>(size)), "READY=1");
}

TEST(ServiceNotify, TellsTheManagerWhereverItListens) {
  const TempDirectory directory;
  expect_told(directory / "notify");
  expect_told(fmt::format("@masq/unit-notify-{}", getpid()));
}

TEST(ServiceNotify, WithoutAManagerNothingIsDone) {
  EXPECT_TRUE(notify_service_manager("", "READY=1"));
  EXPECT_FALSE(notify_service_manager("/nonexistent/socket", "READY=1"));
}

}  // namespace
}  // namespace masq::os
