// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/kubernetes_source.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/sources/cluster_nodes.hpp"
#include "agent/sources/kept_state.hpp"
#include "base/cidr.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/agent/sources/api_fake.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::agent {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Node number `n` of a cluster.
std::string node(int n, int version = 1, const std::string& more = "") {
  return fmt::format(
      R"({{"metadata":{{"name":"n{0}","resourceVersion":"{1}"}},"spec":{{"podCIDRs":["10.1.{0}.0/24","fd00:{0}::/64"]}},
      "status":{{"addresses":[{{"type":"InternalIP","address":"192.0.2.{0}"}},{{"type":"Hostname","address":"n{0}"}}]{2}}}}})",
      n, version, more);
}

std::string nodes(int count) {
  std::string text;
  for (int n = 1; n <= count; ++n) text += (n == 1 ? "" : ",") + node(n);
  return text;
}

class KubernetesSourceTest : public ::testing::Test {
 protected:
  os::TempDirectory directory;
  FakeTimers timers;
  ApiFake api;
  int changes = 0;
  KubernetesSource source = make("n1");

  KubernetesSource make(const std::string& name) {
    return {timers,
            {.node_name = name,
             .state = KeptState(directory / "state"),
             .start_request = api.requests(),
             .random = [] { return 0.5; }},
            [this] { ++changes; }};
  }
  static Node facts(const KubernetesSource& from) {
    Node node;
    from.contribute(node);
    return node;
  }
  Node facts() const { return facts(source); }
  void begin(int count) {
    source.start();
    api.answer_list(nodes(count));
    timers.pass({});
  }
};

TEST_F(KubernetesSourceTest, TheFirstApplyWaitsForAnAnswerOrAFailure) {
  source.start();
  EXPECT_TRUE(source.is_awaited());
  api.refuse("connection refused");
  EXPECT_FALSE(source.is_awaited());
  EXPECT_EQ(source.state().error, "connection refused");
  EXPECT_EQ(source.state().kind, FindingKind::kubernetes);
  EXPECT_EQ(facts(), Node());
}

TEST_F(KubernetesSourceTest, ThisNodesPodCidrsAndTheOthersAddresses) {
  begin(3);
  EXPECT_EQ(join(facts().k8s_pod_cidrs), "10.1.1.0/24 fd00:1::/64");
  EXPECT_EQ(join(facts().k8s_other_pod_cidrs), "10.1.2.0/24 fd00:2::/64 10.1.3.0/24 fd00:3::/64");
  EXPECT_THAT(facts().k8s_node_addresses, SizeIs(2));
  EXPECT_EQ(facts().k8s_missing_node, "");
}

TEST_F(KubernetesSourceTest, AMissingNodeObjectIsNamed) {
  source.start();
  api.answer_list(node(2));
  EXPECT_EQ(facts().k8s_missing_node, "n1");
  timers.pass({});
  api.tell("ADDED", node(1, 2));
  EXPECT_EQ(facts().k8s_missing_node, "");
}

TEST_F(KubernetesSourceTest, OnlyAChangeOfWhatMattersIsReported) {
  begin(3);
  const int before = changes;
  api.tell("MODIFIED", node(2, 5, R"(,"images":[])"));
  EXPECT_EQ(changes, before);
  api.tell("ADDED", node(4, 6));
  api.tell("DELETED", node(2, 7));
  EXPECT_EQ(changes, before + 2);
  EXPECT_EQ(join(facts().k8s_other_pod_cidrs), "10.1.3.0/24 fd00:3::/64 10.1.4.0/24 fd00:4::/64");
}

TEST_F(KubernetesSourceTest, WhileTheApiIsAwayTheFactsStayWithTheirAge) {
  begin(3);
  timers.pass(seconds(2));
  api.refuse("connection refused");
  timers.pass(seconds(1));
  api.refuse("connection refused");
  EXPECT_EQ(source.state().error, "connection refused");
  EXPECT_THAT(facts().k8s_node_addresses, SizeIs(2));
  EXPECT_EQ(source.state().age(timers.now()), seconds(3));
}

TEST_F(KubernetesSourceTest, TheNextStartKnowsWhatThisOneKnew) {
  begin(3);
  timers.pass(KubernetesSource::save_delay);
  auto next = make("n1");
  next.start();
  EXPECT_FALSE(next.is_awaited());
  EXPECT_EQ(facts(next), facts());
  api.refuse("connection refused");
  EXPECT_EQ(facts(next), facts());
}

TEST_F(KubernetesSourceTest, ASavedFileThatIsNotOursIsIgnored) {
  std::filesystem::create_directory(directory / "state");
  for (const char* text : {"", "{", "[]", R"({"format":2})", R"({"format":1,"readAt":"x","nodes":{}})"}) {
    os::write_file(directory / "state" / KubernetesSource::file_name, text);
    auto next = make("n1");
    next.start();
    EXPECT_TRUE(next.is_awaited()) << text;
  }
}

TEST_F(KubernetesSourceTest, AStateThatCannotBeKeptIsANote) {
  os::write_file(directory / "state", "a file");
  begin(3);
  timers.pass(KubernetesSource::save_delay);
  ASSERT_TRUE(source.state().note);
  EXPECT_EQ(source.state().note->kind, FindingKind::state_not_kept);
  EXPECT_THAT(source.state().note->text, HasSubstr("not a directory"));
  EXPECT_EQ(source.state().error, "");
}

// The number of nodes that masqd knows, and of those in the next list. `believed`: the missing nodes are removed at
// once.
struct ListCase {
  int known;
  int listed;
  bool believed;
};

class KubernetesList : public KubernetesSourceTest, public ::testing::WithParamInterface<ListCase> {};

TEST_P(KubernetesList, ThatLosesTooMuchMustBeConfirmed) {
  const auto& [known, listed, believed] = GetParam();
  begin(known);
  timers.pass(seconds(11));
  api.tell("ADDED", node(99));
  EXPECT_THAT(source.value(), SizeIs(known + 1));
  api.gone();
  timers.pass(seconds(5));
  api.answer_list(nodes(listed));
  EXPECT_THAT(source.value(), SizeIs(believed ? listed : known + 1));
  timers.pass(seconds(5));
  if (!believed) api.answer_list(nodes(listed));
  EXPECT_THAT(source.value(), SizeIs(listed));
}

INSTANTIATE_TEST_SUITE_P(, KubernetesList,
                         ::testing::Values(ListCase{3, 0, false}, ListCase{3, 1, true}, ListCase{19, 10, false},
                                           ListCase{19, 11, true}, ListCase{20, 20, true}));

TEST(ListDoubt, AListThatLosesOthersEachTimeIsBelievedAfterAMinute) {
  ClusterNodes known;
  for (int n = 0; n < 20; ++n) known[std::to_string(n)] = {};
  auto first = known, second = known;
  for (int n = 0; n < 10; ++n) {
    first.erase(std::to_string(n));
    second.erase(std::to_string(n + 10));
  }
  ListDoubt doubt;
  const ListDoubt::Clock::time_point begin(std::chrono::hours(1));
  EXPECT_FALSE(doubt.is_believed(known, first, begin));
  EXPECT_FALSE(doubt.is_believed(known, second, begin + seconds(30)));
  EXPECT_TRUE(doubt.is_believed(known, first, begin + seconds(60)));
}

TEST(ClusterNode, ValuesOfOtherTypesAreLeftOut) {
  const auto parsed = [](const char* text) { return parse_node(nlohmann::json::parse(text)); };
  EXPECT_EQ(parsed(R"({"spec":{"podCIDR":"10.0.0.0/24"}})").pod_cidrs, std::vector{Cidr::parse("10.0.0.0/24").value()});
  for (const char* text :
       {"[]", R"({"spec":[]})", R"({"spec":{"podCIDRs":"10.0.0.0/24"}})", R"({"spec":{"podCIDRs":[7,null,"x"]}})",
        R"({"status":{"addresses":{"type":"InternalIP"}}})", R"({"status":{"addresses":[7,{"type":"InternalIP"}]}})",
        R"({"status":{"addresses":[{"type":"Hostname","address":"192.0.2.1"}]}})"})
    EXPECT_EQ(parsed(text), ClusterNode()) << text;
  EXPECT_FALSE(name_of(nlohmann::json::parse("[]")));
}

}  // namespace
}  // namespace masq::agent
