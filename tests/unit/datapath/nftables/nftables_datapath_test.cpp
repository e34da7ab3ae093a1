// SPDX-License-Identifier: Apache-2.0
// The laws of a datapath (datapath.hpp), on nftables that are a value.
#include "datapath/nftables/nftables_datapath.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "datapath/nftables/nft_table.hpp"
#include "model/desired.hpp"
#include "unit/datapath/netfilter/node.hpp"
#include "unit/datapath/nftables/fake_nft.hpp"
#include "unit/words.hpp"

namespace masq::nftables {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class Nftables : public testing::Test {
 protected:
  Steps apply(const Desired& desired) {
    fake.written.clear();
    fake.guards_written.clear();
    auto steps = datapath->apply(desired);
    error = steps ? "" : steps.error().message;
    return steps ? *steps : Steps();
  }
  // A new process, without the owned table of the last one.
  void restart() {
    datapath.reset();
    fake.guard.reset();
    datapath = make_datapath(fake.machine()).value();
  }

  FakeNft fake;
  std::unique_ptr<Datapath> datapath = make_datapath(fake.machine()).value();
  std::string error;
};

TEST_F(Nftables, ASecondApplyChangesNothing) {
  EXPECT_THAT(apply(netfilter::node()), Not(IsEmpty()));
  EXPECT_TRUE(fake.guard);
  EXPECT_EQ(fake.mended, 1);
  EXPECT_THAT(apply(netfilter::node()), IsEmpty());
  EXPECT_THAT(fake.written, IsEmpty());
  EXPECT_THAT(fake.guards_written, IsEmpty());
}

TEST_F(Nftables, ARestartChangesNothingButTheGuard) {
  apply(netfilter::node());
  restart();
  apply(netfilter::node());
  EXPECT_EQ(error, "");
  EXPECT_THAT(fake.written, IsEmpty());
  EXPECT_THAT(fake.guards_written, SizeIs(1));
  EXPECT_EQ(fake.mended, 1);
}

TEST_F(Nftables, PlanReturnsTheStepsOfApplyAndChangesNothing) {
  const auto planned = datapath->plan(netfilter::node()).value();
  EXPECT_THAT(fake.tables, IsEmpty());
  EXPECT_FALSE(fake.guard);
  EXPECT_EQ(apply(netfilter::node()), planned);
}

TEST_F(Nftables, ApplyRepairsWhatAnotherProcessChanged) {
  apply(netfilter::node());
  const auto before = fake.tables;
  fake.set("pods4").elements = {"10.1.0.0/16", "10.2.0.0/16"};
  for (auto& chain : fake.tables["masq"].chains) chain.rules.clear();
  EXPECT_THAT(apply(netfilter::node()), Not(IsEmpty()));
  EXPECT_EQ(fake.tables, before);
  fake.tables["masq"].sets.pop_back();
  apply(netfilter::node());
  EXPECT_EQ(fake.tables, before);
  fake.tables.erase("masq");
  apply(netfilter::node());
  EXPECT_EQ(fake.tables, before);
}

TEST_F(Nftables, ElementsChangeWithoutAChangeOfTheRules) {
  apply(netfilter::node());
  auto desired = netfilter::node();
  desired.ipv4.sources.push_back("10.9.0.0/16"_cidr);
  apply(desired);
  ASSERT_THAT(fake.written, SizeIs(1));
  EXPECT_THAT(fake.written[0], HasSubstr("add element inet masq pods4 { 10.9.0.0/16 }\n"));
  EXPECT_THAT(fake.written[0], Not(HasSubstr("rule")));
  EXPECT_THAT(fake.set("pods4").elements, ElementsAre("10.0.0.0/16", "10.9.0.0/16"));
}

TEST_F(Nftables, ARefusedTransactionChangesNothingAndIsRetried) {
  apply(netfilter::node());
  const auto before = fake.tables;
  auto desired = netfilter::node();
  desired.ipv4.sources = {"10.9.0.0/16"_cidr};
  fake.refusal = "no memory";
  EXPECT_THAT(apply(desired), IsEmpty());
  EXPECT_EQ(error, "nftables: no memory");
  EXPECT_EQ(fake.tables, before);
  fake.refusal.clear();
  apply(desired);
  EXPECT_EQ(error, "");
  EXPECT_THAT(fake.set("pods4").elements, ElementsAre("10.9.0.0/16"));
}

// Between the two transactions no packet is dropped that the old or the new rules pass.
TEST_F(Nftables, TheGuardPassesWhatOldOrNewRulesPassWhileTheyAreReplaced) {
  apply(netfilter::node());
  auto desired = netfilter::node();
  desired.ipv4.sources = {"10.0.0.0/17"_cidr, "10.9.0.0/16"_cidr};
  desired.ipv4.rules = {{"198.51.100.0/24"_cidr, Decision::exclude_ip_masq_agent},
                        {"203.0.113.9/32"_cidr, Decision::exclude_own_address}};
  apply(desired);
  ASSERT_THAT(fake.guards_written, SizeIs(2));
  const auto& meanwhile = fake.guards_written[0].ipv4;
  EXPECT_THAT(meanwhile.pods, ElementsAre(AddressRange::of("10.0.0.0/17"_cidr)));
  EXPECT_THAT(meanwhile.left,
              ElementsAre(AddressRange::of("10.0.0.0/16"_cidr), AddressRange::of("10.9.0.0/16"_cidr),
                          AddressRange::of("198.51.100.0/24"_cidr), AddressRange::of("203.0.113.9/32"_cidr)));
  EXPECT_THAT(fake.guard->ipv4.pods,
              ElementsAre(AddressRange::of("10.0.0.0/17"_cidr), AddressRange::of("10.9.0.0/16"_cidr)));
}

TEST_F(Nftables, WithoutAGuardNothingIsApplied) {
  fake.guard_refusal = "Operation not permitted";
  EXPECT_THAT(apply(netfilter::node()), IsEmpty());
  EXPECT_EQ(error, "masq-guard: nftables: Operation not permitted");
  EXPECT_THAT(fake.tables, IsEmpty());
  EXPECT_FALSE(datapath->check(netfilter::node()));
  fake.guard_refusal.clear();
  EXPECT_THAT(apply(netfilter::node()), SizeIs(2));
}

TEST_F(Nftables, CheckReportsTheErrorOfALaterApplyAndChangesNothing) {
  EXPECT_TRUE(datapath->check(netfilter::node()));
  fake.refusal = "not supported";
  const auto checked = datapath->check(netfilter::node());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message, "nftables: not supported");
  EXPECT_THAT(fake.tables, IsEmpty());
}

TEST_F(Nftables, AfterRemoveOnlyForeignTablesAreLeft) {
  fake.tables["other"].name = "other";
  apply(netfilter::node());
  EXPECT_EQ(datapath->handover().is_active(), true);
  ASSERT_TRUE(datapath->remove());
  EXPECT_EQ(datapath->handover().is_active(), false);
  EXPECT_THAT(fake.tables, SizeIs(1));
  EXPECT_FALSE(fake.guard);
  EXPECT_EQ(datapath->remove(), Steps());
}

TEST_F(Nftables, ItsTableHasTheFileAsItWasWritten) {
  EXPECT_EQ(datapath->table().exists(), false);
  EXPECT_EQ(datapath->table().ip_masq(), std::vector<IpMasqEntry>());
  auto desired = netfilter::node();
  desired.ip_masq_agent = true;
  desired.ip_masq_agent_rules.non_masquerade = {"0.0.0.0/0"_cidr, "10.0.0.0/8"_cidr};
  desired.ip_masq_agent_rules.masquerade = {"10.5.0.0/16"_cidr};
  apply(desired);
  EXPECT_EQ(datapath->table().exists(), true);
  const std::vector<IpMasqEntry> written = {
      {.cidr = "0.0.0.0/0"_cidr}, {.cidr = "10.0.0.0/8"_cidr}, {.cidr = "10.5.0.0/16"_cidr, .masquerade = true}};
  EXPECT_EQ(datapath->table().ip_masq(), written);
}

}  // namespace
}  // namespace masq::nftables
