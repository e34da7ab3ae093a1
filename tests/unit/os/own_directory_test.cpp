// SPDX-License-Identifier: Apache-2.0
#include "os/own_directory.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "unit/os/temp_directory.hpp"

namespace masq::os {
namespace {

using testing::HasSubstr;

TEST(OwnDirectory, IsMade) {
  const TempDirectory directory;
  const auto path = directory / "own";
  ASSERT_TRUE(make_own_directory(path, 0700));
  EXPECT_TRUE(make_own_directory(path, 0700)) << "it exists already";
  EXPECT_FALSE(is_open_to_others(path).value());
  EXPECT_TRUE(check_own_directory(directory / "missing"));
}

TEST(OwnDirectory, IsNobodyElses) {
  if (getuid() != 0) GTEST_SKIP() << "makes a directory of another user";
  const TempDirectory directory;
  const auto path = directory / "own";
  std::filesystem::create_directory(path);
  ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
  EXPECT_THAT(make_own_directory(path, 0700).error().message, HasSubstr("it belongs to user 65534"));
}

TEST(OwnDirectory, IsNotOneInWhichOthersReplaceFiles) {
  const TempDirectory directory;
  const auto path = directory / "own";
  std::filesystem::create_directory(path);
  ASSERT_EQ(chmod(path.c_str(), 0777), 0);
  EXPECT_THAT(check_own_directory(path).error().message, HasSubstr("others can write to it"));
  ASSERT_EQ(chmod(path.c_str(), 01777), 0);
  EXPECT_TRUE(check_own_directory(path)) << "sticky, as /tmp";
  EXPECT_TRUE(is_open_to_others(path).value());
}

TEST(OwnDirectory, IsADirectory) {
  const TempDirectory directory;
  write_file(directory / "file", "");
  EXPECT_THAT(make_own_directory(directory / "file", 0700).error().message, HasSubstr("not a directory"));
}

}  // namespace
}  // namespace masq::os
