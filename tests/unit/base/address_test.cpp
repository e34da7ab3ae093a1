// SPDX-License-Identifier: Apache-2.0
#include "base/address.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "unit/words.hpp"

namespace masq {
namespace {

TEST(Address, ParsesWhatInetPtonAccepts) {
  struct Case {
    std::string text;
    std::string printed;  // empty: refused
  };
  const Case cases[] = {
      {"192.0.2.10", "192.0.2.10"},
      {"0.0.0.0", "0.0.0.0"},
      {"2001:DB8::0:1", "2001:db8::1"},
      {"::", "::"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"", ""},
      {"192.0.2", ""},
      {"192.0.2.256", ""},
      {"010.0.0.1", ""},
      {" 192.0.2.1", ""},
      {"192.0.2.1/32", ""},
      {"fe80::1%eth0", ""},
      {"1:2:3", ""},
      {std::string("192.0.2.1\0x", 11), ""},
  };
  for (const auto& [text, printed] : cases) {
    const auto address = Address::parse(text);
    EXPECT_EQ(address ? address->to_string() : "", printed) << text;
  }
}

TEST(Address, AnErrorQuotesTheText) {
  EXPECT_EQ(Address::parse("eth0\n").error().message, "\"eth0\\n\": an IPv4 or IPv6 address is expected");
}

TEST(Address, ReadsNetworkByteOrder) {
  const std::uint8_t bytes[] = {192, 0, 2, 10};
  EXPECT_EQ(Address::from_bytes(bytes), "192.0.2.10"_ip);
  EXPECT_EQ("192.0.2.10"_ip.bytes().size(), 4U);
  EXPECT_EQ(Address::from_bytes("2001:db8::1"_ip.bytes()), "2001:db8::1"_ip);
}

TEST(Address, IsOrderedByFamilyThenValue) {
  EXPECT_LT("255.255.255.255"_ip, "::"_ip);
  EXPECT_LT("9.0.0.0"_ip, "10.0.0.0"_ip);
  EXPECT_LT("2001:db8::ff"_ip, "2001:db8::100"_ip);
}

TEST(Address, KnowsItsScope) {
  struct Case {
    Address address;
    bool loopback, link_local, multicast, unspecified;
  };
  const Case cases[] = {
      {.address = "127.9.9.9"_ip, .loopback = true},
      {.address = "::1"_ip, .loopback = true},
      {.address = "::1:1"_ip},
      {.address = "169.254.0.1"_ip, .link_local = true},
      {.address = "169.255.0.1"_ip},
      {.address = "fe80::1"_ip, .link_local = true},
      {.address = "febf::1"_ip, .link_local = true},
      {.address = "fec0::1"_ip},
      {.address = "224.0.0.1"_ip, .multicast = true},
      {.address = "239.255.255.255"_ip, .multicast = true},
      {.address = "240.0.0.1"_ip},
      {.address = "ff02::1"_ip, .multicast = true},
      {.address = "0.0.0.0"_ip, .unspecified = true},
      {.address = "::"_ip, .unspecified = true},
  };
  for (const auto& expected : cases) {
    const auto& address = expected.address;
    EXPECT_EQ(address.is_loopback(), expected.loopback) << address.to_string();
    EXPECT_EQ(address.is_link_local(), expected.link_local) << address.to_string();
    EXPECT_EQ(address.is_multicast(), expected.multicast) << address.to_string();
    EXPECT_EQ(address.is_unspecified(), expected.unspecified) << address.to_string();
  }
}

}  // namespace
}  // namespace masq
