// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/cni_configuration.hpp"

#include <gmock/gmock.h>

#include <optional>

#include "unit/os/temp_directory.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

struct Row {
  const char* what;
  const char* text;
  const char* subnets;  // sorted
};

TEST(CniConfiguration, HasTheSubnetsOfItsIpam) {
  const Row rows[] = {
      {"one subnet", R"({"ipam": {"type": "host-local", "subnet": "10.22.0.0/16"}})", "10.22.0.0/16"},
      {"ranges of both families", R"({"ipam": {"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00:1::/64"}]]}})",
       "10.1.0.0/24 fd00:1::/64"},
      {"a list of plugins",
       R"({"name": "n", "plugins": [{"type": "bridge", "ipam": {"subnet": "10.88.0.0/16"}}, {"type": "portmap"}]})",
       "10.88.0.0/16"},
      {"each once", R"({"ipam": {"subnet": "10.0.0.0/8", "ranges": [[{"subnet": "10.0.0.0/8"}]]}})", "10.0.0.0/8"},
      {"filled in by others", R"({"ipam": {"type": "host-local", "subnet": "usePodCidr"}})", ""},
      {"another IPAM", R"({"ipam": {"type": "dhcp"}})", ""},
      {"no IPAM", R"({"type": "cilium-cni"})", ""},
      {"other types everywhere", R"({"ipam": 5, "plugins": {"a": 1}})", ""},
      {"ranges of nonsense", R"({"ipam": {"subnet": 5, "ranges": [1, [2], [{"subnet": null}]]}})", ""},
  };
  for (const auto& row : rows) {
    const auto subnets = parse_cni_configuration(row.text);
    ASSERT_TRUE(subnets) << row.what;
    EXPECT_EQ(*subnets, cidrs(row.subnets)) << row.what;
  }
}

TEST(CniConfiguration, IsRefusedWhenItIsNoneAtAll) {
  for (const char* text : {"", "[]", "{", "null", R"({"ipam": {"subnet": "10.0.0.0/99"}})", "\xff\xfe"})
    EXPECT_FALSE(parse_cni_configuration(text)) << text;
}

TEST(CniConfiguration, TheLexicallyFirstFileCounts) {
  const os::TempDirectory directory;
  EXPECT_EQ(find_cni_configuration(directory / "none").value(), std::nullopt);
  EXPECT_EQ(find_cni_configuration(directory / "").value(), std::nullopt);
  for (const char* name : {"20-b.conf", "10-a.conflist", "00-notes.txt", "05-x.conf.bak"})
    os::write_file(directory / name, "{}");
  EXPECT_EQ(find_cni_configuration(directory / "").value(), directory / "10-a.conflist");
}

}  // namespace
}  // namespace masq::agent
