// SPDX-License-Identifier: Apache-2.0
#include "base/cidr.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/address.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

TEST(Cidr, ParsesAndClearsHostBits) {
  struct Case {
    std::string text;
    std::string printed;  // empty: refused
  };
  const Case cases[] = {
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"10.1.2.3/8", "10.0.0.0/8"},
      {"192.0.2.255/25", "192.0.2.128/25"},
      {"192.0.2.7/32", "192.0.2.7/32"},
      {"192.0.2.7/0", "0.0.0.0/0"},
      {"2001:db8:ffff::1/33", "2001:db8:8000::/33"},
      {"fd00::1/128", "fd00::1/128"},
      {"10.0.0.1", ""},
      {"10.0.0.0/", ""},
      {"10.0.0.0/33", ""},
      {"10.0.0.0/-1", ""},
      {"10.0.0.0/+8", ""},
      {"10.0.0.0/08", ""},
      {"10.0.0.0/8 ", ""},
      {"10.0.0.0/8/8", ""},
      {"10.0.0.0/255.0.0.0", ""},
      {"10.0.0/8", ""},
      {"fd00::/129", ""},
      {"/8", ""},
      {"", ""},
      {"10.0.0.0/99999999999999999999", ""},
  };
  for (const auto& [text, printed] : cases) {
    const auto cidr = Cidr::parse(text);
    EXPECT_EQ(cidr ? cidr->to_string() : "", printed) << text;
  }
}

TEST(Cidr, ContainsAddressesAndPrefixes) {
  struct Case {
    Cidr cidr;
    Cidr other;
    bool contains;
  };
  const Case cases[] = {
      {"10.0.0.0/8"_cidr, "10.255.255.255/32"_cidr, true},
      {"10.0.0.0/8"_cidr, "11.0.0.0/32"_cidr, false},
      {"10.0.0.0/8"_cidr, "10.0.0.0/8"_cidr, true},
      {"10.0.0.0/8"_cidr, "10.0.0.0/7"_cidr, false},
      {"192.0.2.128/25"_cidr, "192.0.2.127/32"_cidr, false},
      {"0.0.0.0/0"_cidr, "203.0.113.9/32"_cidr, true},
      {"0.0.0.0/0"_cidr, "::/128"_cidr, false},
      {"::/0"_cidr, "10.0.0.0/32"_cidr, false},
      {"2001:db8:8000::/33"_cidr, "2001:db8:ffff::1/128"_cidr, true},
      {"2001:db8:8000::/33"_cidr, "2001:db8:7fff::1/128"_cidr, false},
  };
  for (const auto& [cidr, other, contains] : cases) {
    EXPECT_EQ(cidr.contains(other), contains) << cidr.to_string() << ' ' << other.to_string();
    if (other.length() == address_bits(other.family())) {
      EXPECT_EQ(cidr.contains(other.address()), contains) << cidr.to_string() << ' ' << other.to_string();
    }
  }
}

TEST(Cidr, AnOuterPrefixSortsBeforeWhatItHolds) {
  EXPECT_LT("10.0.0.0/8"_cidr, "10.0.0.0/9"_cidr);
  EXPECT_LT("10.0.0.0/9"_cidr, "10.0.0.1/32"_cidr);
  EXPECT_LT("10.255.0.0/16"_cidr, "11.0.0.0/8"_cidr);
  EXPECT_LT("255.0.0.0/8"_cidr, "::/0"_cidr);
}

TEST(Cidr, ListsAreSearchedFilteredAndPrinted) {
  const auto both = cidrs("10.0.0.0/16 fd00::/104 192.0.2.0/24");
  EXPECT_TRUE(any_contains(both, "fd00::1"_ip));
  EXPECT_FALSE(any_contains(both, "10.1.0.0"_ip));
  EXPECT_EQ(of_family(both, Family::ipv4), cidrs("10.0.0.0/16 192.0.2.0/24"));
  EXPECT_EQ(join(both), "10.0.0.0/16 fd00::/104 192.0.2.0/24");
  EXPECT_EQ(join({}), "");
}

}  // namespace
}  // namespace masq
