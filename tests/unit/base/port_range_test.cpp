// SPDX-License-Identifier: Apache-2.0
#include "base/port_range.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace masq {
namespace {

TEST(PortRange, ParsesAPortOrAnInterval) {
  struct Case {
    std::string text;
    std::string printed;  // empty: refused
  };
  const Case cases[] = {
      {"1024-29999", "1024-29999"},
      {"443", "443"},
      {"443-443", "443"},
      {"1-65535", "1-65535"},
      {"0", ""},
      {"0-80", ""},
      {"80-79", ""},
      {"1-65536", ""},
      {"-1", ""},
      {"1-", ""},
      {"-", ""},
      {"", ""},
      {"1 - 2", ""},
      {"1-2-3", ""},
      {"0x50", ""},
      {"http", ""},
  };
  for (const auto& [text, printed] : cases) {
    const auto range = PortRange::parse(text);
    EXPECT_EQ(range ? range->to_string() : "", printed) << text;
  }
}

TEST(PortRange, NormaliseSortsAndMerges) {
  EXPECT_EQ(join(normalise({{5, 6}, {1, 2}, {3, 4}})), "1-6");
  EXPECT_EQ(join(normalise({{1, 10}, {2, 3}})), "1-10");
  EXPECT_EQ(join(normalise({{1, 2}, {4, 5}})), "1-2,4-5");
  EXPECT_EQ(join(normalise({{65535, 65535}, {1, 65534}})), "1-65535");
  EXPECT_EQ(join(normalise({})), "");
}

TEST(PortRange, SubtractLeavesWhatNoHoleHolds) {
  struct Case {
    std::vector<PortRange> ranges, holes;
    std::string left;
  };
  const Case cases[] = {
      {{{1024, 65535}}, {{32768, 60999}, {30000, 32767}}, "1024-29999,61000-65535"},
      {{{1, 10}}, {}, "1-10"},
      {{{1, 10}}, {{1, 10}}, ""},
      {{{1, 10}}, {{1, 1}, {10, 10}}, "2-9"},
      {{{1, 10}}, {{5, 5}}, "1-4,6-10"},
      {{{1, 10}, {20, 30}}, {{5, 25}}, "1-4,26-30"},
      {{{60000, 65535}}, {{65535, 65535}}, "60000-65534"},
      {{{60000, 65535}}, {{1, 65535}}, ""},
      {{}, {{1, 2}}, ""},
  };
  for (const auto& [ranges, holes, left] : cases) EXPECT_EQ(join(subtract(ranges, holes)), left);
}

TEST(PortRange, CountsEachPortOnce) {
  EXPECT_EQ(port_count({{1, 65535}}), 65535U);
  EXPECT_EQ(port_count({{1, 10}, {5, 20}}), 20U);
  EXPECT_EQ(port_count({}), 0U);
  EXPECT_EQ(join(intersect({{500, 600}, {1, 10}, {1000, 65535}}, {512, 1023})), "512-600,1000-1023");
  EXPECT_EQ(join(intersect({{1, 511}, {1024, 65535}}, {512, 1023})), "");
}

}  // namespace
}  // namespace masq
