// SPDX-License-Identifier: Apache-2.0
// The rules in the kernel after changes, small and large.
#include "datapath/bpf/policy_rules.hpp"

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "datapath/bpf/options.hpp"
#include "engine.hpp"
#include "model/desired.hpp"
#include "model/policy.hpp"
#include "os/fd.hpp"

namespace masq::bpf::test {
namespace {

class PolicyRulesTest : public ::testing::Test {
 protected:
  Engine engine{desired()};
  PolicyRules<Abi4> rules;
  std::mt19937 random{7};

  const Program& program() const { return engine.program(); }
  std::uint32_t trie_id() const {
    std::uint32_t zero = 0, id = 0;
    EXPECT_EQ(bpf_map_lookup_elem(program().map("policy4"), &zero, &id), 0);
    return id;
  }
  // The reason of the longest rule for an address, as the kernel finds it; -1: none.
  int in_kernel(const Address& address) const {
    const os::Fd trie(bpf_map_get_fd_by_id(trie_id()));
    const auto key = make_key<Abi4>(Cidr::host(address));
    masq_policy value{};
    return bpf_map_lookup_elem(trie.get(), &key, &value) == 0 ? value.reason : -1;
  }
  static int wanted(const Desired& desired, const Address& address) {
    const auto* const rule = find_rule(desired.ipv4.rules, address);
    if (rule == nullptr) return -1;
    Desired one;
    one.ipv4.rules = {*rule};
    return make_policy<Abi4>(one).front().second.reason;
  }
  static Address address(std::uint32_t last) {
    return Address::from_bytes(std::array<std::uint8_t, 4>{203, 0, 113, static_cast<std::uint8_t>(last)});
  }
  // Prefixes of all lengths in a /24, each in some of the lists.
  Desired random_policy() {
    DestinationLists lists;
    for (auto* list : {&lists.native_routing, &lists.non_masquerade, &lists.masquerade, &lists.nodes})
      for (int i = 0; i < 6; ++i) list->emplace_back(address(random() & 255U), static_cast<int>(24 + random() % 9));
    Desired desired;
    desired.ipv4.rules = flatten(lists);
    return desired;
  }
  void expect_in_kernel(const Desired& desired) {
    for (std::uint32_t last = 0; last < 256; ++last)
      EXPECT_EQ(in_kernel(address(last)), wanted(desired, address(last)));
  }
};

TEST_F(PolicyRulesTest, AfterAnyChangesTheKernelHasTheRules) {
  ASSERT_TRUE(rules.replace(program(), random_policy()));
  const auto trie = trie_id();
  for (int round = 0; round < 30; ++round) {
    const auto policy = random_policy();
    ASSERT_TRUE(rules.change(program(), policy));
    expect_in_kernel(policy);
  }
  EXPECT_EQ(trie_id(), trie) << "a small change replaced the trie";
}

Desired hosts(std::uint32_t count) {
  Desired many;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                                            static_cast<std::uint8_t>(i)};
    many.ipv4.rules.push_back({Cidr::host(Address::from_bytes(bytes)), Decision::exclude_node});
  }
  return many;
}

TEST_F(PolicyRulesTest, ALargeChangeReplacesTheTrie) {
  ASSERT_TRUE(rules.replace(program(), hosts(100)));
  const auto first = trie_id();
  ASSERT_TRUE(rules.change(program(), hosts(100 + PolicyRules<Abi4>::max_small_change)));
  EXPECT_EQ(trie_id(), first);
  ASSERT_TRUE(rules.change(program(), hosts(1000)));
  EXPECT_NE(trie_id(), first);
}

// Many small changes outgrow the trie.
TEST_F(PolicyRulesTest, AGrowingPolicyAlwaysFits) {
  ASSERT_TRUE(rules.replace(program(), hosts(1)));
  for (std::uint32_t count = 50; count < 1200; count += 50) {
    const auto policy = hosts(count);
    ASSERT_TRUE(rules.change(program(), policy)) << count;
    EXPECT_EQ(in_kernel(policy.ipv4.rules.back().destination.address()),
              wanted(policy, policy.ipv4.rules.back().destination.address()));
  }
}

// The value of the longest rule for an address; -1: none.
int longest(const PolicyRules<Abi4>::Rules& rules, const Address& address) {
  int length = -1, reason = -1;
  for (const auto& [key, value] : rules) {
    const auto bits = static_cast<int>(key.prefix_length);
    const auto key_address = to_address<Abi4>(key.address);
    if (bits <= length || !Cidr(key_address, bits).contains(address)) continue;
    length = bits;
    reason = value.reason;
  }
  return reason;
}

// No packet meets a third decision.
TEST_F(PolicyRulesTest, AfterEachWriteAnAddressHasItsOldOrItsNewDecision) {
  for (int round = 0; round < 50; ++round) {
    const auto from = make_policy<Abi4>(random_policy()), to = make_policy<Abi4>(random_policy());
    auto now = from;
    for (const auto& [key, value] : PolicyRules<Abi4>::writes(from, to)) {
      std::erase_if(now, [&](const auto& rule) { return std::memcmp(&rule.first, &key, sizeof key) == 0; });
      if (value) now.emplace_back(key, *value);
      for (std::uint32_t last = 0; last < 256; ++last) {
        const int found = longest(now, address(last));
        ASSERT_TRUE(found == longest(from, address(last)) || found == longest(to, address(last))) << last;
      }
    }
    for (std::uint32_t last = 0; last < 256; ++last) ASSERT_EQ(longest(now, address(last)), longest(to, address(last)));
  }
}

}  // namespace
}  // namespace masq::bpf::test
