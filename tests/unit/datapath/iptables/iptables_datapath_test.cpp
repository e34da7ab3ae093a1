// SPDX-License-Identifier: Apache-2.0
// The laws of a datapath (datapath.hpp), on iptables and ipset that are a value.
#include "datapath/iptables/iptables_datapath.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"
#include "unit/datapath/iptables/fake_iptables.hpp"
#include "unit/datapath/netfilter/node.hpp"
#include "unit/words.hpp"

namespace masq::iptables {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Iptables : public testing::Test {
 protected:
  Steps apply(const Desired& desired) {
    fake.written.clear();
    auto steps = datapath->apply(desired);
    error = steps ? "" : steps.error().message;
    return steps ? *steps : Steps();
  }
  FakeIptables::Chains& nat() { return fake.families["iptables"]["nat"]; }

  FakeIptables fake;
  std::unique_ptr<Datapath> datapath = make_datapath(fake.machine()).value();
  std::string error;
};

TEST_F(Iptables, ASecondApplyChangesNothing) {
  EXPECT_THAT(apply(netfilter::node()), Not(IsEmpty()));
  EXPECT_EQ(fake.mended, 1);
  EXPECT_THAT(nat()["POSTROUTING"], ElementsAre(HasSubstr("-j MASQ-POSTROUTING")));
  EXPECT_THAT(apply(netfilter::node()), IsEmpty());
  EXPECT_THAT(fake.written, IsEmpty());
}

TEST_F(Iptables, PlanReturnsTheStepsOfApplyAndChangesNothing) {
  const auto planned = datapath->plan(netfilter::node()).value();
  EXPECT_THAT(fake.written, IsEmpty());
  EXPECT_EQ(apply(netfilter::node()), planned);
}

TEST_F(Iptables, ApplyRepairsWhatAnotherProcessChanged) {
  apply(netfilter::node());
  const auto before = fake.families;
  const auto sets = fake.sets;
  nat()["MASQ-POSTROUTING"].clear();
  nat()["MASQ-DECIDE"].pop_back();
  nat()["MASQ-DECIDE"].emplace_back("-j ACCEPT");
  fake.families["ip6tables"].clear();
  fake.sets["masq-pods4"].clear();
  EXPECT_THAT(apply(netfilter::node()), Not(IsEmpty()));
  EXPECT_EQ(fake.families, before);
  EXPECT_EQ(fake.sets, sets);
}

TEST_F(Iptables, ForeignRulesStay) {
  nat()["POSTROUTING"] = {"-o eth9 -j MASQUERADE"};
  const auto before = fake.families["iptables"]["nat"];
  apply(netfilter::node());
  EXPECT_THAT(nat()["POSTROUTING"], Contains("-o eth9 -j MASQUERADE"));
  ASSERT_TRUE(datapath->remove());
  EXPECT_EQ(nat(), before);
}

TEST_F(Iptables, MembersChangeWithoutAChangeOfTheRules) {
  apply(netfilter::node());
  auto desired = netfilter::node();
  desired.ipv4.sources.push_back("10.9.0.0/16"_cidr);
  apply(desired);
  EXPECT_THAT(fake.written, ElementsAre("ipset"));
  EXPECT_THAT(fake.sets["masq-pods4"], ElementsAre("10.0.0.0/16", "10.9.0.0/16"));
  EXPECT_FALSE(fake.sets.contains("masq-pods4-new"));
}

TEST_F(Iptables, ASetThatAKilledProcessBeganIsReplaced) {
  apply(netfilter::node());
  fake.sets["masq-pods4-new"] = {"10.1.0.0/16"};
  fake.kinds["masq-pods4-new"] = "hash:net family inet";
  auto desired = netfilter::node();
  desired.ipv4.sources = {"10.9.0.0/16"_cidr};
  apply(desired);
  EXPECT_EQ(error, "");
  EXPECT_THAT(fake.sets["masq-pods4"], ElementsAre("10.9.0.0/16"));
}

TEST_F(Iptables, AFailedStepDoesNotUndoTheOthersAndIsRetried) {
  fake.refused = {"ip6tables-legacy-restore"};
  apply(netfilter::node());
  EXPECT_EQ(error, "ip6tables-legacy-restore: refused");
  EXPECT_TRUE(nat().contains("MASQ-DECIDE"));
  EXPECT_EQ(datapath->handover().is_active(), false);
  fake.refused.clear();
  apply(netfilter::node());
  EXPECT_EQ(error, "");
  EXPECT_THAT(fake.written, ElementsAre("ip6tables"));
  EXPECT_EQ(datapath->handover().is_active(), true);
}

TEST_F(Iptables, CheckReportsTheErrorOfALaterApplyAndWritesNoRule) {
  fake.refused = {"ip6tables-legacy-restore --test"};
  const auto checked = datapath->check(netfilter::node());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message, "ip6tables-legacy-restore: refused");
  EXPECT_THAT(fake.written, ElementsAre("ipset"));
  fake.refused.clear();
  EXPECT_TRUE(datapath->check(netfilter::node()));
}

TEST_F(Iptables, AfterRemoveNothingIsLeft) {
  apply(netfilter::node());
  ASSERT_TRUE(datapath->remove());
  EXPECT_THAT(fake.sets, IsEmpty());
  EXPECT_EQ(fake.families["iptables"]["nat"], (FakeIptables::Chains{{"POSTROUTING", {}}, {"PREROUTING", {}}}));
  EXPECT_EQ(fake.families["iptables"]["mangle"], (FakeIptables::Chains{{"POSTROUTING", {}}, {"PREROUTING", {}}}));
  EXPECT_EQ(datapath->remove(), Steps());
}

TEST_F(Iptables, ItsTableExistsWithItsSetsAndHasTheFileAsItWasWritten) {
  EXPECT_EQ(datapath->table().exists(), false);
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
}  // namespace masq::iptables
