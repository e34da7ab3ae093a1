// SPDX-License-Identifier: Apache-2.0
#include "model/mapping_limits.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "model/config.hpp"
#include "model/node.hpp"

namespace masq {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

std::uint32_t maximum_with(Memory memory) {
  return mapping_limits({}, {.memory = memory}).per_family;
}

TEST(MappingLimits, AutoFollowsTheMemoryOfTheNode) {
  EXPECT_EQ(maximum_with({.total = 256 * 1024 * mebibyte}), 524288U);
  EXPECT_EQ(maximum_with({.total = 2048 * mebibyte}), 524288U);
  EXPECT_EQ(maximum_with({.total = 2047 * mebibyte}), 262144U);
  EXPECT_EQ(maximum_with({.total = 1000 * mebibyte}), 131072U);
  EXPECT_EQ(maximum_with({.total = 64 * mebibyte}), 16384U);
  EXPECT_EQ(maximum_with({.total = 1}), 16384U);
}

TEST(MappingLimits, AutoFollowsASmallerMemoryLimit) {
  const auto node = 16384 * mebibyte;
  EXPECT_EQ(maximum_with({.total = node, .limit = 256 * mebibyte}), 524288U);
  EXPECT_EQ(maximum_with({.total = node, .limit = 128 * mebibyte}), 262144U);
  EXPECT_EQ(maximum_with({.total = node, .limit = 48 * mebibyte}), 65536U);
  EXPECT_EQ(maximum_with({.total = 512 * mebibyte, .limit = 9223372036854771712U}), 131072U);  // cgroup v1 without one
}

TEST(MappingLimits, AutoWithoutKnownMemoryIsTheMaximum) {
  EXPECT_EQ(maximum_with({}), 524288U);
}

TEST(MappingLimits, OptionsPrecede) {
  const Node small{.memory = {.total = 64 * mebibyte}};
  EXPECT_EQ(mapping_limits({.nat_max_mappings = 1000}, small), (MappingLimits{1000, 250}));
  EXPECT_EQ(mapping_limits({.nat_max_mappings = 1000, .nat_max_mappings_per_pod = 900}, small),
            (MappingLimits{1000, 900}));
  EXPECT_EQ(mapping_limits({}, small), (MappingLimits{16384, 4096}));
  EXPECT_EQ(mapping_limits({.nat_max_mappings_per_pod = 100000}, small), (MappingLimits{16384, 16384}));
}

}  // namespace
}  // namespace masq
