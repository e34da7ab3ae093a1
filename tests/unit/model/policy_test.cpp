// SPDX-License-Identifier: Apache-2.0
#include "model/policy.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "model/desired.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

using testing::ElementsAre;

Decision ask(const DestinationLists& lists, std::string_view destination) {
  FamilyPolicy policy;
  policy.rules = flatten(lists);
  return decide_destination(policy, Address::parse(destination).value());
}

TEST(Policy, ListsAreAskedInOrder) {
  struct Case {
    std::string what;
    DestinationLists lists;
    std::string destination;
    Decision decision;
  };
  const Case cases[] = {
      {"nothing holds it", {}, "203.0.113.9", Decision::masquerade},
      {"broadcast before all",
       {.broadcast = cidrs("192.0.2.255/32"), .native_routing = cidrs("192.0.2.0/24"), .own = cidrs("192.0.2.255/32")},
       "192.0.2.255",
       Decision::exclude_broadcast},
      {"native routing before the agent",
       {.native_routing = cidrs("10.0.0.0/8"), .non_masquerade = cidrs("10.1.0.0/16")},
       "10.1.0.1",
       Decision::exclude_native_routing},
      {"masqueradeCIDRs do not undo native routing",
       {.native_routing = cidrs("10.0.0.0/8"), .masquerade = cidrs("10.1.0.0/16")},
       "10.1.0.1",
       Decision::exclude_native_routing},
      {"the agent's exclusion", {.non_masquerade = cidrs("10.0.0.0/8")}, "10.1.0.1", Decision::exclude_ip_masq_agent},
      {"a longer masqueradeCIDR takes it back",
       {.non_masquerade = cidrs("10.0.0.0/8"), .masquerade = cidrs("10.1.0.0/16")},
       "10.1.0.1",
       Decision::masquerade},
      {"beside it the exclusion stays",
       {.non_masquerade = cidrs("10.0.0.0/8"), .masquerade = cidrs("10.1.0.0/16")},
       "10.2.0.1",
       Decision::exclude_ip_masq_agent},
      {"a longer exclusion inside it",
       {.non_masquerade = cidrs("10.0.0.0/8 10.1.2.0/24"), .masquerade = cidrs("10.1.0.0/16")},
       "10.1.2.3",
       Decision::exclude_ip_masq_agent},
      {"a wider masqueradeCIDR says nothing",
       {.non_masquerade = cidrs("10.1.0.0/16"), .masquerade = cidrs("10.0.0.0/8")},
       "10.1.0.1",
       Decision::exclude_ip_masq_agent},
      {"on a tie the exclusion",
       {.non_masquerade = cidrs("10.0.0.0/8"), .masquerade = cidrs("10.0.0.0/8")},
       "10.1.0.1",
       Decision::exclude_ip_masq_agent},
      {"taken back, a node is still a node",
       {.non_masquerade = cidrs("10.0.0.0/8"), .masquerade = cidrs("10.1.0.0/16"), .nodes = cidrs("10.1.0.1/32")},
       "10.1.0.1",
       Decision::exclude_node},
      {"an excluded node is the agent's",
       {.non_masquerade = cidrs("10.0.0.0/8"), .nodes = cidrs("10.1.0.1/32")},
       "10.1.0.1",
       Decision::exclude_ip_masq_agent},
      {"a masqueradeCIDR longer than anything",
       {.non_masquerade = cidrs("10.0.0.0/8"), .masquerade = cidrs("10.1.0.1/32"), .own = cidrs("10.1.0.1/32")},
       "10.1.0.1",
       Decision::exclude_own_address},
      {"own address", {.own = cidrs("192.0.2.10/32")}, "192.0.2.10", Decision::exclude_own_address},
      {"beside the own address", {.own = cidrs("192.0.2.10/32")}, "192.0.2.11", Decision::masquerade},
      {"everything", {.non_masquerade = cidrs("0.0.0.0/0")}, "203.0.113.9", Decision::exclude_ip_masq_agent},
      {"IPv6",
       {.non_masquerade = cidrs("fd00::/8"), .masquerade = cidrs("fd00:1::/32")},
       "fd00:1::1",
       Decision::masquerade},
  };
  for (const auto& [what, lists, destination, decision] : cases) EXPECT_EQ(ask(lists, destination), decision) << what;
}

TEST(Policy, DestinationsInTheSourceSetComeBeforeAnyRule) {
  FamilyPolicy policy;
  policy.sources = cidrs("10.0.0.0/16");
  policy.rules = flatten({.broadcast = cidrs("10.0.0.255/32"), .masquerade = cidrs("10.0.1.0/24")});
  EXPECT_EQ(decide_destination(policy, "10.0.0.255"_ip), Decision::exclude_pod_cidr);
  EXPECT_EQ(decide_destination(policy, "10.0.1.1"_ip), Decision::exclude_pod_cidr);
  EXPECT_EQ(decide_destination(policy, "10.1.0.1"_ip), Decision::masquerade);
}

TEST(Policy, EveryPrefixIsThereOnceAndSorted) {
  const auto rules = flatten({.non_masquerade = cidrs("192.168.0.0/16 10.0.0.0/8 10.1.0.0/16 10.0.0.0/8"),
                              .masquerade = cidrs("10.1.0.0/16"),
                              .nodes = cidrs("10.0.0.0/8")});
  EXPECT_THAT(rules, ElementsAre(PolicyRule{"10.0.0.0/8"_cidr, Decision::exclude_ip_masq_agent},
                                 PolicyRule{"10.1.0.0/16"_cidr, Decision::exclude_ip_masq_agent},
                                 PolicyRule{"192.168.0.0/16"_cidr, Decision::exclude_ip_masq_agent}));
}

// R75: the merged list against the lists themselves, asked one after the other by a linear scan.
class Oracle {
 public:
  static int longest(const std::vector<Cidr>& cidrs, const Address& address) {
    int length = -1;
    for (const auto& cidr : cidrs)
      if (cidr.contains(address)) length = std::max(length, cidr.length());
    return length;
  }

  static Decision decide(const DestinationLists& lists, const Address& address) {
    if (longest(lists.broadcast, address) >= 0) return Decision::exclude_broadcast;
    if (longest(lists.native_routing, address) >= 0) return Decision::exclude_native_routing;
    const int excluded = longest(lists.non_masquerade, address);
    if (excluded >= 0 && excluded >= longest(lists.masquerade, address)) return Decision::exclude_ip_masq_agent;
    if (longest(lists.nodes, address) >= 0) return Decision::exclude_node;
    if (longest(lists.own, address) >= 0) return Decision::exclude_own_address;
    return Decision::masquerade;
  }
};

class RandomLists {
 public:
  RandomLists(Family family, unsigned seed) : family_(family), random_(seed) {}

  // Few distinct bits, so that prefixes nest, repeat and touch.
  Address address() {
    std::array<std::uint8_t, 16> bytes{};
    const auto size = static_cast<std::size_t>(address_bytes(family_));
    for (std::size_t i = 0; i < size; ++i) bytes[i] = pick(2) == 0 ? 0 : static_cast<std::uint8_t>(1U << pick(8));
    return Address::from_bytes(std::span(bytes).first(size));
  }
  Cidr cidr() { return Cidr(address(), pick(address_bits(family_) + 1)); }
  std::vector<Cidr> list(int longest) {
    std::vector<Cidr> cidrs;
    for (int count = pick(longest + 1); count > 0; --count) cidrs.push_back(cidr());
    return cidrs;
  }
  DestinationLists lists() {
    return {.broadcast = list(1),
            .native_routing = list(2),
            .non_masquerade = list(20),
            .masquerade = list(20),
            .nodes = list(5),
            .own = list(5)};
  }
  int pick(int below) { return std::uniform_int_distribution(0, below - 1)(random_); }

 private:
  Family family_;
  std::mt19937 random_;
};

void hold_against_oracle(Family family, unsigned seed) {
  RandomLists random(family, seed);
  for (int round = 0; round < 400; ++round) {
    const auto lists = random.lists();
    FamilyPolicy policy;
    policy.rules = flatten(lists);
    for (int i = 0; i < 100; ++i) {
      const auto address = random.address();
      ASSERT_EQ(decide_destination(policy, address), Oracle::decide(lists, address))
          << "seed " << seed << " round " << round << ' ' << address.to_string();
    }
    // The first and the last address of a prefix are where mistakes show.
    for (const auto& rule : policy.rules)
      ASSERT_EQ(decide_destination(policy, rule.destination.address()),
                Oracle::decide(lists, rule.destination.address()))
          << "seed " << seed << " round " << round << ' ' << rule.destination.to_string();
  }
}

TEST(Policy, TheMergedListDecidesAsTheListsDoIpv4) {
  hold_against_oracle(Family::ipv4, 1);
}
TEST(Policy, TheMergedListDecidesAsTheListsDoIpv6) {
  hold_against_oracle(Family::ipv6, 2);
}

// Nested as deep as can be, and side by side: neither order may cost more than sorting does.
TEST(Policy, FiftyThousandCidrsTakeNoTime) {
  DestinationLists lists;
  RandomLists random(Family::ipv4, 3);
  for (int i = 0; i < 50'000; ++i) {
    const std::array bytes{static_cast<std::uint8_t>(random.pick(256)), static_cast<std::uint8_t>(random.pick(256)),
                           static_cast<std::uint8_t>(random.pick(256)), static_cast<std::uint8_t>(random.pick(256))};
    lists.non_masquerade.emplace_back(Address::from_bytes(bytes), random.pick(33));
  }
  const auto start = std::chrono::steady_clock::now();
  FamilyPolicy policy;
  policy.rules = flatten(lists);
  for (int i = 0; i < 1000; ++i) decide_destination(policy, random.address());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace masq
