// SPDX-License-Identifier: Apache-2.0
#include "os/tar.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace masq::os {
namespace {

// Programs that read archives are in the scenario of `masq sysdump`.
TEST(Tar, HasAHeaderAndWholeBlocksForEachFile) {
  const std::vector<TarEntry> entries = {{"a/b.txt", "hello\n"}, {"empty", ""}, {"long", std::string(513, 'x')}};
  const auto tar = make_tar(entries, std::chrono::system_clock::time_point(std::chrono::seconds(8)));
  ASSERT_TRUE(tar) << tar.error().message;
  EXPECT_EQ(tar->size(), 512u * (2 + 1 + 3 + 2));
  EXPECT_EQ(tar->substr(0, 8), std::string("a/b.txt\0", 8));
  EXPECT_EQ(tar->substr(100, 8), std::string("0000600\0", 8)) << "mode";
  EXPECT_EQ(tar->substr(124, 12), std::string("00000000006\0", 12)) << "size";
  EXPECT_EQ(tar->substr(136, 12), std::string("00000000010\0", 12)) << "time";
  EXPECT_EQ(tar->substr(257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(tar->substr(512, 7), std::string("hello\n\0", 7));
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>((*tar)[i]);
  EXPECT_EQ(std::stoul(tar->substr(148, 6), nullptr, 8), sum);
  EXPECT_EQ(tar->substr(tar->size() - 1024), std::string(1024, '\0'));
}

TEST(Tar, ANameThatDoesNotFitIsRefused) {
  const std::vector<TarEntry> fits = {{std::string(100, 'a'), ""}}, too_long = {{std::string(101, 'a'), ""}};
  EXPECT_TRUE(make_tar(fits, {}));
  EXPECT_EQ(make_tar(too_long, {}).error().message,
            "\"" + std::string(101, 'a') + "\": a name of at most 100 bytes is expected");
}

}  // namespace
}  // namespace masq::os
