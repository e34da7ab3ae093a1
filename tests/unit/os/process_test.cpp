// SPDX-License-Identifier: Apache-2.0
#include "os/process.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>

namespace masq::os {
namespace {

using namespace std::chrono_literals;

const std::string much(1 << 20, 'x');  // more than a pipe holds

TEST(Program, GetsItsInputAndReturnsItsOutputs) {
  const auto end = run_program({"sh", "-c", "wc -c; echo problem >&2; exit 3"}, much, 10s);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status, 3);
  EXPECT_EQ(end->out, "1048576\n");
  EXPECT_EQ(end->err, "problem\n");
}

TEST(Program, MayEndWithoutReadingItsInput) {
  const auto end = run_program({"sh", "-c", "exec <&-; exit 1"}, much, 10s);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status, 1);
}

// Its parent may be killed, and then the end of a pipe would look like the end of the input.
TEST(Program, ItsInputIsAFile) {
  EXPECT_EQ(run_program({"sh", "-c", "test -f /dev/stdin"}, "x", 10s)->status, 0);
}

TEST(Program, IsKilledAtItsDeadline) {
  for (const auto* script : {"exec sleep 60", "exec sleep 60 >&- 2>&-"}) {
    const auto start = std::chrono::steady_clock::now();
    const auto end = run_program({"sh", "-c", script}, "", 100ms);
    ASSERT_FALSE(end) << script;
    EXPECT_EQ(end.error().message, "sh: no exit within 100 ms");
    EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
  }
}

TEST(Program, ItsFirstLineIsValidInEveryEncoding) {
  EXPECT_EQ(first_line("one\ntwo\n"), "one");
  EXPECT_EQ(first_line("\xff\t\xc3\xa9 ~"), "???? ~");
  EXPECT_EQ(first_line(""), "");
  EXPECT_EQ(first_line(much).size(), 300u);
}

TEST(Program, EndsBySigpipeAsUsual) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  const auto end = run_program({"sh", "-c", "kill -PIPE $$; exit 1"}, "", 10s);
  std::signal(SIGPIPE, before);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status, 128 + SIGPIPE);
}

}  // namespace
}  // namespace masq::os
