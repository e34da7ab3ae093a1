// SPDX-License-Identifier: Apache-2.0
// The guard table in the kernel, as nft lists it.
#include "datapath/nftables/guard_table.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/address_range.hpp"
#include "datapath/nftables/guard.hpp"
#include "datapath/nftables/kernel_tables.hpp"
#include "os/process.hpp"
#include "unit/os/own_network.hpp"
#include "unit/words.hpp"

namespace masq::nftables {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

AddressRange range(const std::string& text) {
  return AddressRange::parse(text).value();
}

Guard small_guard() {
  return {.devices = {"eth0", "wlan0"},
          .ipv4 = {.pods = {range("10.0.0.0/16")},
                   .left = {range("0.0.0.0-0.0.0.7"), range("10.0.0.0/8"), range("192.0.2.9")},
                   .own = {range("192.0.2.9")}},
          .ipv6 = {.pods = {range("fd00::/64")}, .left = {range("fd00::/64")}, .own = {}}};
}

void expect_in_own_network(const std::function<void()>& body) {
  if (!os::in_own_network(body)) GTEST_SKIP() << "a network namespace needs root";
}

std::string nft(const std::string& command, int status = 0) {
  const auto end = os::run_program({"nft", command}).value();
  EXPECT_EQ(end.status, status) << end.err;
  return end.out;
}

// The lines of a part of a table, without those of its head.
std::vector<std::string> lines(const std::string& listing) {
  std::vector<std::string> found;
  for (std::size_t at = 0, end = 0; (end = listing.find('\n', at)) != std::string::npos; at = end + 1) {
    const auto begin = listing.find_first_not_of("\t ", at);
    const auto line = listing.substr(begin, end - begin);
    if (!line.starts_with("table ") && !line.starts_with("flags owner") && !line.empty() && line != "}")
      found.push_back(line);
  }
  return found;
}

TEST(GuardTable, ItsRulesDropWhatWouldLeak) {
  expect_in_own_network([] {
    GuardTable table;
    ASSERT_EQ(table.write(small_guard()), Result<void>());
    EXPECT_THAT(lines(nft("list chain inet masq-guard guard")),
                ElementsAre("chain guard {", "type filter hook postrouting priority 111; policy accept;",
                            "ip saddr @pods4 oifname @guarded goto leak4 comment \"from pods, through an uplink\"",
                            "ip6 saddr @pods6 oifname @guarded goto leak6 comment \"from pods, through an uplink\""));
    EXPECT_THAT(lines(nft("list chain inet masq-guard leak6")),
                ElementsAre("chain leak6 {", "ct direction reply return comment \"replies of inbound connections\"",
                            "ip6 daddr @left6 return comment \"excluded\"",
                            "icmpv6 type 133-137 return comment \"neighbour discovery\"",
                            "ct status snat drop comment \"masqueraded, but not now\"",
                            "ct state established,related return comment \"not masqueraded at its start\"",
                            "drop comment \"not masqueraded\""));
    EXPECT_THAT(lines(nft("list chain inet masq-guard input")),
                ElementsAre("chain input {", "type filter hook input priority filter - 1; policy accept;",
                            "meta nfproto ipv4 meta l4proto tcp ct direction reply ct status snat ct original ip "
                            "saddr @pods4 ct original ip saddr != @own4 drop comment \"reply to a pod\"",
                            "meta nfproto ipv6 meta l4proto tcp ct direction reply ct status snat ct original ip6 "
                            "saddr @pods6 ct original ip6 saddr != @own6 drop comment \"reply to a pod\""));
  });
}

TEST(GuardTable, ItsSetsAreThoseOfTheGuardWithMulticastAndBroadcast) {
  expect_in_own_network([] {
    GuardTable table;
    ASSERT_EQ(table.write(small_guard()), Result<void>());
    EXPECT_THAT(lines(nft("list set inet masq-guard left4")),
                ElementsAre("set left4 {", "type ipv4_addr", "flags interval", "elements = { 0.0.0.0/29, 10.0.0.0/8,",
                            "192.0.2.9, 224.0.0.0/4,", "255.255.255.255 }"));
    EXPECT_THAT(lines(nft("list set inet masq-guard guarded")),
                ElementsAre("set guarded {", "type ifname", "elements = { \"eth0\",", "\"wlan0\" }"));
    EXPECT_THAT(lines(nft("list set inet masq-guard own6")),
                ElementsAre("set own6 {", "type ipv6_addr", "flags interval"));
  });
}

TEST(GuardTable, OnlyDifferentElementsAreWritten) {
  const auto before = small_guard();
  auto after = before;
  EXPECT_THAT(guard_change(before, after), IsEmpty());
  after.devices = {"eth0", "eth1"};
  after.ipv4.left = {range("0.0.0.0-0.0.0.9"), range("192.0.2.9"), range("239.0.0.0/8")};
  after.ipv6.own = {range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")};
  EXPECT_LT(guard_change(before, after).size(), guard_batch(after, true).size() / 4);
  expect_in_own_network([&] {
    GuardTable table, whole;
    ASSERT_EQ(table.write(before), Result<void>());
    ASSERT_EQ(table.write(after), Result<void>());
    const auto changed = nft("list table inet masq-guard");
    table.release();
    ASSERT_EQ(whole.write(after), Result<void>());
    EXPECT_EQ(changed, nft("list table inet masq-guard"));
    EXPECT_THAT(changed, testing::HasSubstr("elements = { ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff }"));
  });
}

TEST(GuardTable, ItSurvivesAFlushAndEndsWithItsOwner) {
  expect_in_own_network([] {
    {
      GuardTable table;
      ASSERT_TRUE(table.has_owner());
      ASSERT_EQ(table.write(small_guard()), Result<void>());
      nft("flush ruleset");
      EXPECT_EQ(has_table("masq-guard"), true);
      nft("delete table inet masq-guard", 1);
      EXPECT_EQ(has_table("masq-guard"), true);
    }
    EXPECT_EQ(has_table("masq-guard"), false);
    EXPECT_THAT(nft("list tables"), IsEmpty());
  });
}

TEST(GuardTable, AnotherOwnerIsAnError) {
  expect_in_own_network([] {
    GuardTable first, second;
    ASSERT_EQ(first.write(small_guard()), Result<void>());
    EXPECT_EQ(second.check(small_guard()).error().message, "masq-guard: nftables: Operation not permitted");
    EXPECT_FALSE(second.write({}));
    EXPECT_TRUE(first.check({}));
    EXPECT_THAT(nft("list set inet masq-guard pods4"), testing::HasSubstr("10.0.0.0/16"));
    first.release();
    EXPECT_EQ(second.write(small_guard()), Result<void>());
  });
}

TEST(GuardTable, ACheckChangesNothing) {
  expect_in_own_network([] {
    GuardTable table;
    EXPECT_EQ(table.check(small_guard()), Result<void>());
    EXPECT_EQ(has_table("masq-guard"), false);
  });
}

// A guard of a kernel without owners.
TEST(GuardTable, AGuardWithoutAnOwnerIsReplaced) {
  expect_in_own_network([] {
    nft("table inet masq-guard { chain old { }; }");
    GuardTable table;
    ASSERT_EQ(table.write(small_guard()), Result<void>());
    EXPECT_THAT(nft("list table inet masq-guard"), testing::Not(testing::HasSubstr("old")));
  });
}

TEST(GuardTable, ManyExclusionsAreOneTransaction) {
  expect_in_own_network([] {
    auto guard = small_guard();
    for (auto* family : {&guard.ipv4, &guard.ipv6}) family->left.clear();
    for (int i = 0; i < 10'000; ++i) {
      guard.ipv4.left.push_back(range(std::to_string(20 + i / 32768) + "." + std::to_string(i / 128 % 256) + "." +
                                      std::to_string(i % 128 * 2) + ".0/24"));
      guard.ipv6.left.push_back(
          range("fd01:0:" + std::to_string(i / 5000 * 2) + ":" + std::to_string(i % 5000 + 1000) + "::/65"));
    }
    GuardTable table;
    ASSERT_EQ(table.write(guard), Result<void>());
    ASSERT_EQ(table.write(guard), Result<void>());
    EXPECT_THAT(nft("get element inet masq-guard left4 { 20.78.30.9 }"), testing::HasSubstr("20.78.30.0/24"));
  });
}

}  // namespace
}  // namespace masq::nftables
