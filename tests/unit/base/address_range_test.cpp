// SPDX-License-Identifier: Apache-2.0
#include "base/address_range.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "unit/words.hpp"

namespace masq {
namespace {

TEST(AddressRange, IsWrittenInTheShortestWay) {
  for (const auto* text : {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1", "192.0.2.1-192.0.2.4", "240.0.0.0/4", "::/0",
                           "fd00::/8", "fd00::1", "fd00::1-fd00::ffff", "255.255.255.254/31"})
    EXPECT_EQ(AddressRange::parse(text).value().to_string(), text);
  EXPECT_EQ(AddressRange::parse("10.0.0.0-10.255.255.255").value().to_string(), "10.0.0.0/8");
  EXPECT_EQ(AddressRange::parse("192.0.2.1/32").value().to_string(), "192.0.2.1");
}

TEST(AddressRange, WhatIsNoneIsRefused) {
  for (const auto* text : {"", "10.0.0.0/33", "10.0.0.2-10.0.0.1", "10.0.0.1-fd00::1", "eth0", "10.0.0.1-"})
    EXPECT_FALSE(AddressRange::parse(text).has_value()) << text;
}

TEST(AddressRange, NeighboursCarryOver) {
  EXPECT_EQ(next("10.0.255.255"_ip), "10.1.0.0"_ip);
  EXPECT_EQ(previous("10.1.0.0"_ip), "10.0.255.255"_ip);
  EXPECT_EQ(next("fd00::ffff"_ip), "fd00::1:0"_ip);
  EXPECT_EQ(next("255.255.255.255"_ip), std::nullopt);
  EXPECT_EQ(previous("::"_ip), std::nullopt);
}

}  // namespace
}  // namespace masq
