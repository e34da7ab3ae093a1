// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/foreign_rules.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/netfilter/foreign_rules_watch.hpp"
#include "datapath/netfilter/nat_rules.hpp"
#include "datapath/netfilter/nft.hpp"
#include "model/finding.hpp"
#include "os/process.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/words.hpp"

namespace masq::netfilter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const MasqueradedTraffic pod_traffic{.sources = cidrs("10.0.1.0/24"), .devices = {"eth0"}};

constexpr const char* one_chain = R"({"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c", "handle": 1,
  "type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}},
  {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 2, "expr": [{"masquerade": null}]}}]})";

// A machine whose commands have fixed output; every other command fails.
struct FakeRules {
  std::map<std::string, std::string> json, text, programs;
  std::string legacy;
  std::vector<std::string> listed;

  RuleLists lists() {
    return {.nft = [this](const auto& command, Nft::Form form) -> Result<std::string> {
              listed.push_back(command);
              const auto& known = form == Nft::Form::json ? json : text;
              const auto found = known.find(command);
              if (found == known.end()) return fail("nftables: no such file or directory");
              return found->second;
            },
            .run = [this](const auto& arguments) -> Result<os::ProgramEnd> {
              const auto found = programs.find(arguments[0]);
              if (found == programs.end()) return fail("{}: not found", arguments[0]);
              return os::ProgramEnd{.status = 0, .out = found->second};
            },
            .legacy_tables = [this](Family family) { return family == Family::ipv4 ? legacy : std::string(); }};
  }
  std::vector<Finding> find() { return find_foreign_masquerading(lists(), pod_traffic); }
};

TEST(ForeignRules, ARuleOfNftablesIsNamedByItsText) {
  FakeRules rules{.json = {{"list chains", one_chain}, {"list chain ip t c", one_chain}},
                  .text = {{"list chain ip t c",
                            "table ip t {\n\tchain c { # handle 1\n\t\ttype nat hook postrouting "
                            "priority srcnat; policy accept;\n\t\tmasquerade # handle 2\n\t}\n}\n"}}};
  EXPECT_THAT(rules.find(),
              ElementsAre(Finding{FindingKind::other_masquerading,
                                  "table ip t: \"masquerade\" masquerades the same packets: remove this rule"}));
}

TEST(ForeignRules, OnlyReachableChainsAreListed) {
  FakeRules rules{.json = {{"list chains", one_chain},
                           {"list chain ip t c", R"({"nftables": [{"rule": {"family": "ip",
    "table": "t", "chain": "c", "handle": 2, "expr": [{"jump": {"target": "d"}}]}}]})"},
                           {"list chain ip t d", "{}"}},
                  .text = {{"list chain ip t c", ""}, {"list chain ip t d", ""}}};
  EXPECT_THAT(rules.find(), IsEmpty());
  EXPECT_THAT(rules.listed, ElementsAre("list chains", "list chain ip t c", "list chain ip t c", "list chain ip t d",
                                        "list chain ip t d"));
}

TEST(ForeignRules, ANameThatNftDoesNotReadIsFoundInTheWholeRuleset) {
  const std::string strange = R"({"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c; flush ruleset",
    "type": "nat", "hook": "postrouting"}}, {"rule": {"family": "ip", "table": "t", "chain": "c; flush ruleset",
    "handle": 2, "expr": [{"masquerade": null}]}}]})";
  FakeRules rules{.json = {{"list chains", strange}, {"list ruleset", strange}},
                  .text = {{"list ruleset", "table ip t {\n\tmasquerade # handle 2\n}\n"}}};
  EXPECT_EQ(rules.find().size(), 1u);
  EXPECT_THAT(rules.listed, ElementsAre("list chains", "list ruleset", "list ruleset"));
}

TEST(ForeignRules, MasqsOwnTableIsNotListed) {
  FakeRules rules{.json = {{"list chains", R"({"nftables": [{"chain": {"family": "inet", "table": "masq", "name": "c",
    "type": "nat", "hook": "postrouting"}}]})"}}};
  EXPECT_THAT(rules.find(), IsEmpty());
  EXPECT_THAT(rules.listed, ElementsAre("list chains"));
}

TEST(ForeignRules, RulesOfBothVariantsOfIptablesHaveTheWordsOfIptables) {
  const std::string xt = R"({"nftables": [{"chain": {"family": "ip", "table": "nat", "name": "POSTROUTING",
    "type": "nat", "hook": "postrouting"}}, {"rule": {"family": "ip", "table": "nat", "chain": "POSTROUTING", "handle": 2,
    "expr": [{"xt": {"type": "match", "name": "set"}}, {"xt": {"type": "target", "name": "MASQUERADE"}}]}}]})";
  FakeRules rules{
      .json = {{"list chains", xt}, {"list chain ip nat POSTROUTING", xt}},
      .text = {{"list chain ip nat POSTROUTING", "table ip nat {\n xt match \"set\" masquerade # handle 2\n}\n"}},
      .programs = {{"iptables-nft-save",
                    "*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -m set --match-set p src -j MASQUERADE\n"},
                   {"iptables-legacy-save",
                    "*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -j SNAT --to-source 192.0.2.1\n"}},
      .legacy = "filter\nnat\n"};
  const auto named = [](const char* text) { return Finding{FindingKind::other_masquerading, text}; };
  const auto legacy = named(
      "iptables-legacy: \"-A POSTROUTING -j SNAT --to-source 192.0.2.1\" masquerades the same packets: remove this "
      "rule");
  EXPECT_THAT(
      rules.find(),
      ElementsAre(named("iptables: \"-A POSTROUTING -m set --match-set p src -j MASQUERADE\" masquerades the same "
                        "packets: remove this rule"),
                  legacy));
  rules.programs.erase("iptables-nft-save");
  EXPECT_THAT(rules.find(),
              ElementsAre(named("table ip nat: \"xt match \"set\" masquerade\" masquerades the same packets: "
                                "remove this rule"),
                          legacy));
}

TEST(ForeignRules, WhatCannotBeReadIsNamed) {
  FakeRules rules{.legacy = "nat"};
  EXPECT_THAT(rules.find(),
              ElementsAre(Finding{FindingKind::foreign_rules_unread,
                                  "rules of other programs: nftables: nftables: no such file or directory"},
                          Finding{FindingKind::foreign_rules_unread,
                                  "rules of other programs: iptables-legacy-save: iptables-legacy-save: not found"}));
}

TEST(ForeignRules, AnEndlessListOfRulesIsShortened) {
  std::string saved = "*nat\n:POSTROUTING ACCEPT\n";
  for (int i = 0; i < 100; ++i) saved += fmt::format("-A POSTROUTING -p tcp -m tcp --dport {} -j MASQUERADE\n", i);
  FakeRules rules{.json = {{"list chains", "{}"}}, .programs = {{"iptables-legacy-save", saved}}, .legacy = "nat"};
  const auto found = rules.find();
  EXPECT_EQ(found.size(), 17u);
  EXPECT_EQ(found.back().text, "84 more rules masquerade the same packets");
}

TEST(ForeignRules, WithoutTrafficNothingIsListed) {
  FakeRules rules;
  EXPECT_THAT(find_foreign_masquerading(rules.lists(), {.sources = {}, .devices = {"eth0"}}), IsEmpty());
  EXPECT_THAT(rules.listed, IsEmpty());
}

TEST(ForeignRules, FindingsAreLinesOfText) {
  const std::vector<Finding> findings = {{FindingKind::other_masquerading, "a b"},
                                         {FindingKind::foreign_rules_unread, "c\ne"}};
  EXPECT_EQ(encode_findings(findings), "other_masquerading a b\nforeign_rules_unread c e\n");
  EXPECT_THAT(decode_findings("other_masquerading a b\n\nnonsense x\nforeign_rules_unread c e"),
              ElementsAre(findings[0], Finding{FindingKind::foreign_rules_unread, "c e"}));
}

class ForeignRulesWatchTest : public ::testing::Test {
 protected:
  agent::FakeTimers timers;
  int searches = 0;
  ForeignRulesWatch::Done done;
  ForeignRulesWatch watch{timers, [this](const MasqueradedTraffic&, ForeignRulesWatch::Done next) -> Result<void> {
                            ++searches;
                            done = std::move(next);
                            return {};
                          }};

  void found(const std::string& text, milliseconds cpu = milliseconds(10)) {
    done(text.empty() ? Result<std::string>("") : "other_masquerading " + text, cpu);
  }
};

TEST_F(ForeignRulesWatchTest, ASearchFollowsEachIntervalEventAndChangeOfTraffic) {
  watch.note_change();
  timers.pass(seconds(60));
  EXPECT_EQ(searches, 0) << "nothing is applied yet";
  watch.want(pod_traffic);
  timers.pass(seconds(0));
  EXPECT_EQ(searches, 1);
  found("a rule");
  EXPECT_THAT(watch.findings(), ElementsAre(Finding{FindingKind::other_masquerading, "a rule"}));
  watch.want(pod_traffic);
  timers.pass(seconds(29));
  EXPECT_EQ(searches, 1) << "the same traffic";
  timers.pass(seconds(1));
  EXPECT_EQ(searches, 2);
  found("");
  EXPECT_THAT(watch.findings(), IsEmpty());
  timers.pass(seconds(5));
  watch.note_change();
  timers.pass(milliseconds(200));
  EXPECT_EQ(searches, 3);
  found("");
  watch.want({.sources = cidrs("10.0.2.0/24"), .devices = {"eth0"}});
  timers.pass(seconds(1));
  EXPECT_EQ(searches, 4);
}

TEST_F(ForeignRulesWatchTest, AChangeDuringASearchCausesAnother) {
  watch.want(pod_traffic);
  timers.pass(seconds(0));
  watch.note_change();
  timers.pass(seconds(10));
  EXPECT_EQ(searches, 1);
  found("");
  timers.pass(seconds(1));
  EXPECT_EQ(searches, 2);
}

TEST_F(ForeignRulesWatchTest, SearchesWithMuchCpuTimeAreRare) {
  watch.want(pod_traffic);
  timers.pass(seconds(0));
  found("", seconds(2));
  for (int i = 0; i < 39; ++i) {
    watch.note_change();
    timers.pass(seconds(1));
  }
  EXPECT_EQ(searches, 1);
  timers.pass(seconds(1));
  EXPECT_EQ(searches, 2);
}

TEST_F(ForeignRulesWatchTest, AFailedSearchKeepsTheLastResult) {
  watch.want(pod_traffic);
  timers.pass(seconds(0));
  found("a rule");
  for (int round = 0; round < 2; ++round) {
    timers.pass(seconds(30));
    done(fail("no result within 15000 ms"), seconds(0));
    EXPECT_THAT(watch.findings(),
                ElementsAre(Finding{FindingKind::other_masquerading, "a rule"},
                            Finding{FindingKind::foreign_rules_unread,
                                    "rules of other programs: no result within 15000 ms; the last result stays"}));
  }
}

TEST(ForeignRulesWatch, ASearchThatCannotStartIsAFailure) {
  agent::FakeTimers timers;
  ForeignRulesWatch watch(timers, [](const auto&, const auto&) -> Result<void> { return fail("fork: no memory"); });
  watch.want(pod_traffic);
  timers.pass(seconds(0));
  EXPECT_EQ(watch.findings().front().text, "rules of other programs: fork: no memory; the last result stays");
}

}  // namespace
}  // namespace masq::netfilter
