// SPDX-License-Identifier: Apache-2.0
#include "os/process.hpp"

#include <gtest/gtest.h>

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

// Its outputs are open until it has ended, its input is not: we meet the broken pipe.
TEST(Program, MayEndWithoutReadingItsInput) {
  const auto end = run_program({"sh", "-c", "exec <&-; sleep 0.2; exit 1"}, much, 10s);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status, 1);
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
