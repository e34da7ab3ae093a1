// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/ip_masq_agent_source.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ostream>

#include "model/node.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/os/loop_test.hpp"
#include "unit/os/temp_directory.hpp"
#include "unit/words.hpp"  // IWYU pragma: keep (PrintTo)

namespace masq::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr auto one = "nonMasqueradeCIDRs: [10.1.0.0/16]\n";
constexpr auto two = "nonMasqueradeCIDRs: [10.1.0.0/16, 10.2.0.0/16]\n";

class IpMasqAgentSourceTest : public ::testing::Test {
 protected:
  os::TempDirectory directory;
  fs::path file = directory / "file";
  FakeTimers timers;
  int changes = 0;
  IpMasqAgentSource source{timers, file, [this] { ++changes; }};

  std::size_t rules() const {
    Node node;
    source.contribute(node);
    return node.ip_masq_agent->non_masquerade.size();
  }
  void write(std::string_view text) {
    os::write_file(file, text);
    source.request_check();
  }
  static constexpr std::size_t of_one = 3, of_two = 4, of_defaults = 13;  // with both link-locals
};

TEST_F(IpMasqAgentSourceTest, TheFirstReadIsBelievedAtOnce) {
  os::write_file(file, one);
  EXPECT_FALSE(source.has_delivered());
  source.read();
  EXPECT_TRUE(source.has_delivered());
  EXPECT_EQ(rules(), of_one);
  EXPECT_EQ(source.state().error, "");
}

TEST_F(IpMasqAgentSourceTest, WithoutAFileTheDefaultsAreInForceAndItSaysSo) {
  source.read();
  EXPECT_EQ(rules(), of_defaults);
  Node node;
  source.contribute(node);
  EXPECT_THAT(node.ip_masq_agent->warnings, ::testing::ElementsAre(HasSubstr("no such file")));
}

TEST_F(IpMasqAgentSourceTest, ABadFirstFileLeavesTheDefaultsInForce) {
  os::write_file(file, "nonMasqueradeCIDRs: [nonsense]");
  source.read();
  EXPECT_TRUE(source.has_delivered());
  EXPECT_EQ(rules(), of_defaults);
  EXPECT_THAT(source.state().error, HasSubstr(file.string() + ": line 1: "));
}

TEST_F(IpMasqAgentSourceTest, AChangeIsBelievedWhenItStandsStill) {
  os::write_file(file, one);
  source.read();
  write(two);
  timers.pass(milliseconds(150));
  EXPECT_EQ(rules(), of_one);
  timers.pass(milliseconds(50));
  EXPECT_EQ(rules(), of_two);
  EXPECT_EQ(changes, 1);
}

TEST_F(IpMasqAgentSourceTest, AFileWrittenByteByByteIsSeenWholeOrNotAtAll) {
  os::write_file(file, one);
  source.read();
  for (const std::string_view text = two; const auto length : {0u, 20u, 22u, 30u, 32u, 35u, 44u, 48u}) {
    write(text.substr(0, std::min<std::size_t>(length, text.size())));
    timers.pass(milliseconds(190));
    EXPECT_EQ(rules(), of_one);
  }
  timers.pass(milliseconds(10));
  EXPECT_EQ(rules(), of_two);
}

TEST_F(IpMasqAgentSourceTest, AFileThatVanishesForAMomentIsNoticedByNobody) {
  os::write_file(file, one);
  source.read();
  fs::remove(file);
  source.request_check();
  timers.pass(milliseconds(450));
  write(one);
  timers.pass(std::chrono::seconds(5));
  EXPECT_EQ(rules(), of_one);
  EXPECT_EQ(changes, 0);
}

TEST_F(IpMasqAgentSourceTest, AFileThatStaysAwayMeansTheDefaultsWithinASecond) {
  os::write_file(file, one);
  source.read();
  fs::remove(file);
  source.request_check();
  timers.pass(milliseconds(500));
  EXPECT_EQ(rules(), of_defaults);
  write("# nothing\n");
  timers.pass(milliseconds(500));
  EXPECT_EQ(rules(), of_defaults);
}

TEST_F(IpMasqAgentSourceTest, ARefusedFileLeavesTheLastGoodOneInForce) {
  os::write_file(file, one);
  source.read();
  write("nonMasqueradeCIDRs:\n- 10.2.0.0/16\n- 10.300.0.0/16\n");
  timers.pass(milliseconds(200));
  EXPECT_EQ(rules(), of_one);
  EXPECT_THAT(source.state().error, HasSubstr("line 3"));
  EXPECT_THAT(source.state().error, HasSubstr("10.300.0.0/16"));
  write(two);
  timers.pass(milliseconds(200));
  EXPECT_EQ(rules(), of_two);
  EXPECT_EQ(source.state().error, "");
}

TEST_F(IpMasqAgentSourceTest, AGoodFileWrittenBackOverARefusedOneEndsTheError) {
  os::write_file(file, one);
  source.read();
  write("nonMasqueradeCIDRs: 5");
  timers.pass(milliseconds(200));
  EXPECT_NE(source.state().error, "");
  write(one);
  timers.pass(milliseconds(200));
  EXPECT_EQ(source.state().error, "");
}

TEST_F(IpMasqAgentSourceTest, WhileItIsOpenForWritingItIsNotBelieved) {
  os::write_file(file, one);
  source.read();
  std::ofstream writer(file);
  writer << two << std::flush;
  source.request_check();
  timers.pass(std::chrono::seconds(5));
  EXPECT_EQ(rules(), of_one);
  writer.close();
  timers.pass(milliseconds(200));
  EXPECT_EQ(rules(), of_two);
}

TEST_F(IpMasqAgentSourceTest, WhoHasItOpenForEverIsNotWaitedFor) {
  os::write_file(file, one);
  source.read();
  std::ofstream writer(file);
  writer << two << std::flush;
  source.request_check();
  timers.pass(std::chrono::seconds(11));
  EXPECT_EQ(rules(), of_two);
}

TEST_F(IpMasqAgentSourceTest, WhatCannotBeReadLeavesTheLastGoodOneInForce) {
  os::write_file(file, one);
  source.read();
  fs::remove(file);
  fs::create_directory(file);
  source.request_check();
  timers.pass(milliseconds(200));
  EXPECT_EQ(rules(), of_one);
  EXPECT_THAT(source.state().error, HasSubstr("not a regular file"));
}

class WatchedIpMasqAgentTest : public os::LoopTest {};

TEST_F(WatchedIpMasqAgentTest, AChangedFileIsInForceWithinASecond) {
  const os::TempDirectory directory;
  int changes = 0;
  os::write_file(directory / "file", one);
  auto source = IpMasqAgentSource::open(*loop, directory / "file", [&] { ++changes; }).value();
  source->read();
  const auto begin = loop->now();
  os::write_file(directory / "file", two);
  EXPECT_TRUE(eventually([&] { return changes == 1; }));
  EXPECT_LT(loop->now() - begin, std::chrono::seconds(1));
}

}  // namespace
}  // namespace masq::agent
