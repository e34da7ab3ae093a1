// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/exclusion_ranges.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/cidr.hpp"
#include "model/desired.hpp"
#include "model/policy.hpp"
#include "unit/words.hpp"

namespace masq::netfilter {
namespace {

std::string text(const std::vector<ExclusionRange>& ranges) {
  std::string words;
  for (const auto& left : ranges)
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", left.range.to_string(), to_string(left.decision));
  return words;
}

TEST(ExclusionRanges, APrefixThatNoOtherCarvesIsOneRange) {
  const DestinationLists lists{.non_masquerade = cidrs("10.0.0.0/8 11.0.0.0/8 0.0.0.0/5 240.0.0.0/4 fd00::/8")};
  EXPECT_EQ(text(exclusion_ranges(flatten(lists))),
            "0.0.0.0/5 ip-masq-agent, 10.0.0.0/8 ip-masq-agent, 11.0.0.0/8 ip-masq-agent, 240.0.0.0/4 ip-masq-agent, "
            "fd00::/8 ip-masq-agent");
}

TEST(ExclusionRanges, LongerPrefixesCarveShorterOnes) {
  const DestinationLists lists{.non_masquerade = cidrs("0.0.0.0/0 10.64.1.0/24"),
                               .masquerade = cidrs("10.64.0.0/10 255.0.0.0/8"),
                               .nodes = cidrs("10.64.0.7/32")};
  EXPECT_EQ(text(exclusion_ranges(flatten(lists))),
            "0.0.0.0-10.63.255.255 ip-masq-agent, 10.64.0.7 another node's address, 10.64.1.0/24 ip-masq-agent, "
            "10.128.0.0-254.255.255.255 ip-masq-agent");
}

TEST(ExclusionRanges, SayOfEveryAddressWhatThePolicySays) {
  std::mt19937 random(7);
  const auto some = [&](int count) {
    std::vector<Cidr> found;
    for (int i = 0; i < count; ++i) {
      const std::array<std::uint8_t, 4> bytes{10, 0, 0, static_cast<std::uint8_t>(random())};
      found.emplace_back(Address::from_bytes(bytes), 22 + static_cast<int>(random() % 11));
    }
    return found;
  };
  for (int round = 0; round < 300; ++round) {
    FamilyPolicy policy;
    policy.rules =
        flatten({.native_routing = some(2), .non_masquerade = some(6), .masquerade = some(6), .own = some(2)});
    const auto ranges = exclusion_ranges(policy.rules);
    for (auto address = std::optional("9.255.255.250"_ip); *address < "10.0.4.5"_ip; address = next(*address)) {
      auto decision = Decision::masquerade;
      for (const auto& left : ranges)
        if (left.range.first <= *address && *address <= left.range.last) decision = left.decision;
      ASSERT_EQ(decision, decide_destination(policy, *address)) << address->to_string() << " in " << text(ranges);
    }
  }
}

TEST(Merged, AdjacentAndOverlappingRangesAreOne) {
  std::vector<AddressRange> ranges;
  for (const auto& cidr : cidrs("10.1.0.0/16 10.0.0.0/16 10.0.3.0/24 255.0.0.0/8 fd00::/8 10.3.0.0/16"))
    ranges.push_back(AddressRange::of(cidr));
  std::string words;
  for (const auto& range : merged(ranges)) words += range.to_string() + " ";
  EXPECT_EQ(words, "10.0.0.0/15 10.3.0.0/16 255.0.0.0/8 fd00::/8 ");
}

}  // namespace
}  // namespace masq::netfilter
