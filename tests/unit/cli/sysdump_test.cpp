// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/command.hpp"
#include "os/http_client.hpp"
#include "unit/cli/fake_context.hpp"

namespace masq::cli {
namespace {

using ::testing::HasSubstr;

class SysdumpTest : public ::testing::Test {
 protected:
  FakeContext fake;
  std::map<std::string, std::string> made;  // files
  std::string failure;                      // of create_file

  SysdumpTest() {
    fake.agent = os::HttpAnswer{.status = 200, .body = R"({"findings": []})"};
    fake.files = {{"/proc/sys/kernel/hostname", "node1\n"}, {"/proc/meminfo", "MemTotal: 1 kB\n"}};
  }
  int run(const Arguments& arguments) {
    auto context = fake.context();
    context.node = {.run_program = [](const auto& words) -> Result<std::string> {
                      if (words.front() != "ip") return fail("{}: not found", words.front());
                      return fmt::format("output of {}\n", fmt::join(words, " "));
                    },
                    .is_clock_synchronised = [] { return true; },
                    .wait = [](auto) {},
                    .now = [] { return std::chrono::system_clock::time_point(std::chrono::days(1)); },
                    .create_file = [this](const std::filesystem::path& path, std::string_view text) -> Result<void> {
                      if (!failure.empty()) return fail("{}", failure);
                      made[path.string()] = text;
                      return {};
                    }};
    return dump_system(context, arguments);
  }
};

TEST_F(SysdumpTest, HasWhatCanBeHadAndSaysWhatCannot) {
  EXPECT_EQ(run({}), exit_done);
  ASSERT_TRUE(made.contains("masq-sysdump-node1-19700102T000000Z.tar")) << fake.out;
  const auto& tar = made.begin()->second;
  EXPECT_THAT(tar, HasSubstr("masq-sysdump-node1-19700102T000000Z/agent/status.json"));
  EXPECT_THAT(tar, HasSubstr("output of ip -6 rule\n"));
  EXPECT_THAT(tar, HasSubstr("MemTotal: 1 kB\n"));
  EXPECT_THAT(tar, HasSubstr("ok       agent\n")) << "the report of doctor";
  EXPECT_THAT(tar, HasSubstr("firewall/nftables.txt: nft: not found\n")) << "the manifest";
  EXPECT_THAT(tar, HasSubstr("node/memory.txt: ok\n"));
  EXPECT_THAT(fake.out, HasSubstr(" could not be had: see manifest.txt in it\n"));
}

TEST_F(SysdumpTest, WithoutMasqdTheRestIsThere) {
  fake.agent.reset();
  EXPECT_EQ(run({.file = "/tmp/x.tar"}), exit_done);
  EXPECT_THAT(made["/tmp/x.tar"],
              HasSubstr("agent/status.json: connect to /run/masq.sock: No such file or directory\n"));
  EXPECT_THAT(made["/tmp/x.tar"], HasSubstr("output of ip address\n"));
}

TEST_F(SysdumpTest, AFileThatCannotBeMadeIsAnError) {
  failure = "create x.tar: File exists";
  EXPECT_EQ(run({.file = "x.tar"}), exit_failed);
  EXPECT_EQ(fake.err, "masq: create x.tar: File exists\n");
  EXPECT_EQ(fake.out, "");
}

TEST_F(SysdumpTest, ManyMappingsAreCutAndCounted) {
  fake.table.mappings.resize(10002);
  EXPECT_EQ(run({.json = true, .file = "x.tar"}), exit_done);
  EXPECT_THAT(made["x.tar"], HasSubstr("and 2 more\n"));
  EXPECT_THAT(fake.out, HasSubstr("\"file\": \"x.tar\""));
}

}  // namespace
}  // namespace masq::cli
