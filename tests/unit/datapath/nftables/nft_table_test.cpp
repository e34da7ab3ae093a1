// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/nft_table.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <string>

#include "datapath/nftables/nft_reader.hpp"

namespace masq::nftables {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

NftTable small_table() {
  return {.name = "t",
          .counters = {"c"},
          .sets = {{.name = "devices", .type = "ifname", .elements = {"eth0", "eth1"}},
                   {.name = "left", .type = "ipv4_addr", .interval = true, .elements = {"10.0.0.0/8"}}},
          .chains = {{.name = "p",
                      .hook = NftChain::Hook{"nat", "postrouting", 99},
                      .rules = {make_rule("ip daddr @left return", "left alone"), make_rule("drop", "the rest")}}}};
}

TEST(NftTable, IsRenderedAsNftReadsIt) {
  EXPECT_EQ(render_table(small_table()), R"(table inet t {
	counter c {
	}
	set devices {
		type ifname
		elements = { "eth0", "eth1" }
	}
	set left {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8 }
	}
	chain p {
		type nat hook postrouting priority 99; policy accept;
		ip daddr @left return comment "left alone [b2625360]"
		drop comment "the rest [a9a58d8c]"
	}
}
)");
}

TEST(NftTable, WhatIsRightIsNotTouched) {
  EXPECT_EQ(change_table(small_table(), small_table()).text, "");
  EXPECT_THAT(change_table(small_table(), small_table()).steps, IsEmpty());
}

TEST(NftTable, OnlyElementsThatDifferAreWritten) {
  auto wanted = small_table();
  wanted.sets[0].elements = {"eth1", "eth2"};
  const auto change = change_table(small_table(), wanted);
  EXPECT_EQ(change.text, "delete element inet t devices { \"eth0\" }\nadd element inet t devices { \"eth2\" }\n");
  EXPECT_THAT(change.steps, ElementsAre("nftables: t devices: 1 added, 1 removed"));
}

TEST(NftTable, RulesAreReplacedByTheChain) {
  auto actual = small_table();
  actual.chains[0].rules.pop_back();
  EXPECT_EQ(change_table(actual, small_table()).text,
            "flush chain inet t p\n"
            "add rule inet t p ip daddr @left return comment \"left alone [b2625360]\"\n"
            "add rule inet t p drop comment \"the rest [a9a58d8c]\"\n");
}

TEST(NftTable, AnotherFrameIsReplacedAsAWhole) {
  const auto whole = "table inet t\ndelete table inet t\n" + render_table(small_table());
  EXPECT_EQ(change_table(std::nullopt, small_table()).text, whole);
  auto actual = small_table();
  actual.chains[0].hook->priority = 100;
  EXPECT_EQ(change_table(actual, small_table()).text, whole);
  actual = small_table();
  actual.sets.push_back({.name = "theirs", .type = "ipv4_addr", .elements = {}});
  EXPECT_EQ(change_table(actual, small_table()).text, whole);
}

TEST(NftTable, ManyDeletionsFromALargeIntervalSetAreAWriteOfTheRest) {
  auto actual = small_table();
  auto& elements = actual.sets[1].elements;
  for (int i = 0; i < 2000; ++i) elements.push_back(fmt::format("11.0.{}.{}", i / 256, i % 256));
  std::ranges::sort(elements);
  EXPECT_EQ(change_table(actual, small_table()).text,
            "flush set inet t left\nadd element inet t left { 10.0.0.0/8 }\n");
}

TEST(NftJson, ATableIsReadBack) {
  const auto wanted = small_table();
  const auto json = fmt::format(
      R"({{"nftables": [{{"metainfo": {{}}}}, {{"table": {{"family": "inet", "name": "t", "handle": 1}}}},
      {{"counter": {{"name": "c", "table": "t", "packets": 3, "bytes": 4}}}},
      {{"set": {{"name": "left", "table": "t", "type": "ipv4_addr", "flags": ["interval"],
                 "elem": [{{"range": ["10.0.0.0", "10.255.255.255"]}}]}}}},
      {{"set": {{"name": "devices", "table": "t", "type": "ifname", "elem": ["eth1", "eth0"]}}}},
      {{"chain": {{"table": "t", "name": "p", "type": "nat", "hook": "postrouting", "prio": 99, "policy": "accept"}}}},
      {{"rule": {{"table": "t", "chain": "p", "comment": "{}", "expr": []}}}},
      {{"rule": {{"table": "t", "chain": "p", "comment": "{}", "expr": [{{"drop": null}}]}}}}]}})",
      wanted.chains[0].rules[0].comment, wanted.chains[0].rules[1].comment);
  EXPECT_EQ(parse_table(json).value(), wanted);
}

TEST(NftJson, ElementsOfAnyKindAreRead) {
  const auto elements = parse_set(R"({"nftables": [{"set": {"name": "s", "type": ["ipv4_addr", "mark"], "elem": [
      {"concat": ["10.0.0.0", 8]}, {"elem": {"val": "10.9.0.1", "comment": "x"}},
      {"prefix": {"addr": "10.1.0.0", "len": 16}}]}}]})");
  EXPECT_THAT(elements.value(), ElementsAre("10.0.0.0 . 8", "10.1.0.0/16", "10.9.0.1"));
}

TEST(NftJson, WhatIsNoListingIsAnError) {
  EXPECT_FALSE(parse_table("").has_value());
  EXPECT_FALSE(parse_set("[]").has_value());
  EXPECT_FALSE(parse_table(R"({"nftables": [{"table": {"name": "t"}}, {"set": {"type": [3]}}]})").has_value());
  EXPECT_FALSE(parse_counters(R"({"nftables": [{"counter": {"packets": "many"}}]})").has_value());
}

TEST(NftTable, AListingOfAnotherShapeIsAnError) {
  const char* const listings[] = {
      R"({"nftables": [{"table": {"name": "masq"}}, {"set": 1}]})",
      R"({"nftables": [{"table": {"name": "masq"}}, {"set": {"name": "x", "elem": [{"range": 7}]}}]})",
      R"({"nftables": [{"table": {"name": "masq"}}, {"set": {"name": "x", "type": [1], "elem": 7}}]})",
      R"({"nftables": [{"table": {"name": "masq"}}, {"chain": {"name": "x", "type": "nat", "prio": "first"}}]})",
      R"({"nftables": [{"table": {"name": "masq"}}, {"set": {"elem": [{"elem": {}}]}}]})",
      R"({"nftables": [{"table": {"name": "masq"}}, {"chain": {"name": "x", "type": "nat", "prio": 1e300}}]})",
      R"({"nftables": {"table": {"name": "masq"}}})",
      R"({"nftables": "masq"})",
      "{\"nftables\": \xff\xfe}",
      "{\"nftables\": [{\"table\": {\"name\": \"\xc3\"}}]}",
      "[]",
      "",
      "{",
  };
  for (const auto* listing : listings) EXPECT_FALSE(parse_table(listing)) << listing;
  EXPECT_FALSE(parse_counters(R"({"nftables": [{"counter": {"name": "x", "packets": "many"}}]})"));
  std::string deep = R"({"nftables": [{"set": {"elem": [)";
  for (int i = 0; i < 100'000; ++i) deep += R"({"elem": {"val": )";
  deep += "1";
  for (int i = 0; i < 100'000; ++i) deep += "}}";
  EXPECT_EQ(parse_set(deep + "]}}]}").error().message, "nftables: invalid listing: too many parts inside each other");
  EXPECT_EQ(parse_set("\xff{").error().message, "nftables: invalid listing: \"?{\"");
  EXPECT_FALSE(parse_set(R"({"nftables": [{"set": {"elem": [{"prefix": {"len": "x"}}]}}]})"));
}

}  // namespace
}  // namespace masq::nftables
