// SPDX-License-Identifier: Apache-2.0
#include "base/duration.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace masq {
namespace {

TEST(Duration, ParsesAsGoDoes) {
  struct Case {
    std::string text;
    long seconds;  // -1: refused
  };
  const Case cases[] = {
      {"7440s", 7440},   {"1h30m", 5400},
      {"1.5m", 90},      {"2h4m0s", 7440},
      {"120000ms", 120}, {".5h", 1800},
      {"1.h", 3600},     {"0s", 0},
      {"168h", 604800},  {"", -1},
      {"60", -1},        {"s", -1},
      {".s", -1},        {"1500ms", -1},
      {"-5s", -1},       {"1 h", -1},
      {"1d", -1},        {"1h-1m", -1},
      {"1..5m", -1},     {"1.5.5m", -1},
      {"9000h", -1},     {"99999999999999999999s", -1},
      {"1h30", -1},      {"5H", -1},
  };
  for (const auto& [text, seconds] : cases) {
    const auto duration = parse_duration(text);
    EXPECT_EQ(duration ? duration->count() : -1, seconds) << text;
  }
}

TEST(Duration, PrintsTheShortForm) {
  EXPECT_EQ(format_duration(std::chrono::seconds(7440)), "2h4m");
  EXPECT_EQ(format_duration(std::chrono::seconds(240)), "4m");
  EXPECT_EQ(format_duration(std::chrono::seconds(3661)), "1h1m1s");
  EXPECT_EQ(format_duration(std::chrono::seconds(0)), "0s");
}

}  // namespace
}  // namespace masq
