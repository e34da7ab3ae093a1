// SPDX-License-Identifier: Apache-2.0
#include "agent/reverse_path.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "model/desired.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq {
namespace {

TEST(ReversePath, TheStricterOfAllAndTheDevicesCounts) {
  struct Case {
    const char *all, *eth0, *eth1;
    std::vector<std::string> named;  // the uplinks that are strict
  };
  const Case cases[] = {
      {"0\n", "0\n", "0\n", {}},   {"0\n", "1\n", "0\n", {"eth0"}}, {"1\n", "0\n", "0\n", {"eth0", "eth1"}},
      {"2\n", "1\n", "1\n", {}},   {"0\n", "2\n", "1\n", {"eth1"}}, {"1\n", "2\n", "1\n", {"eth1"}},
      {"nonsense", "", "9\n", {}},
  };
  const auto address = Address::parse("192.0.2.10").value();
  Desired desired;
  desired.ipv4.enabled = true;
  desired.uplinks = {{.name = "eth0", .ipv4 = {address}, .ipv6 = {}}, {.name = "eth1", .ipv4 = {address}, .ipv6 = {}}};
  for (const auto& [all, eth0, eth1, named] : cases) {
    const TempDirectory directory;
    for (const auto& [device, value] : {std::pair{"all", all}, {"eth0", eth0}, {"eth1", eth1}}) {
      std::filesystem::create_directory(directory / device);
      write_file(directory / device / "rp_filter", value);
    }
    const auto notes = notes_on_reverse_path(desired, directory / "");
    ASSERT_EQ(notes.size(), named.size()) << all << eth0 << eth1;
    for (std::size_t i = 0; i < named.size(); ++i) EXPECT_TRUE(notes[i].starts_with(named[i] + ": rp_filter is 1"));
    auto one = desired;
    one.uplinks.pop_back();
    EXPECT_TRUE(notes_on_reverse_path(one, directory / "").empty()) << "of one uplink there is no other";
  }
}

TEST(ReversePath, NothingIsSaidOfDevicesThatAreGone) {
  Desired desired;
  desired.ipv4.enabled = true;
  desired.uplinks = {{.name = "a", .ipv4 = {Address{}}, .ipv6 = {}}, {.name = "b", .ipv4 = {Address{}}, .ipv6 = {}}};
  EXPECT_TRUE(notes_on_reverse_path(desired, "/nowhere").empty());
}

}  // namespace
}  // namespace masq
