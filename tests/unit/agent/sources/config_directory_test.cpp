// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/config_directory.hpp"

#include <gmock/gmock.h>

#include "unit/os/temp_directory.hpp"

namespace masq::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(ConfigDirectoryTest, OptionsAndOtherFilesAreToldApart) {
  const os::TempDirectory directory;
  os::write_file(directory / "log-level", "debug\r\n\n");
  os::write_file(directory / "devices", " eth0\n");
  os::write_file(directory / "cluster-name", "default");
  os::write_file(directory / ".log-level.swp", "nonsense");
  const auto content = read_config_directory(directory / "");
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_THAT(content->options, ElementsAre(Pair("devices", " eth0"), Pair("log-level", "debug")));
  EXPECT_THAT(content->ignored, ElementsAre("cluster-name"));
}

}  // namespace
}  // namespace masq::agent
