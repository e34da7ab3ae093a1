// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/config_map_source.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/sources/kept_state.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/agent/sources/api_fake.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::agent {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;

std::string config_map(const std::string& config, int version = 1) {
  return nlohmann::json({{"metadata", {{"name", "agent"}, {"resourceVersion", std::to_string(version)}}},
                         {"data", {{"config", config}}}})
      .dump();
}

class ConfigMapSourceTest : public ::testing::Test {
 protected:
  os::TempDirectory directory;
  FakeTimers timers;
  ApiFake api;
  ConfigMapSource source = make();

  ConfigMapSource make() {
    return {timers,
            {.config_map = "kube-system/agent",
             .state = KeptState(directory / "state"),
             .start_request = api.requests(),
             .random = [] { return 0.5; }},
            {}};
  }
  static std::size_t rules(const ConfigMapSource& from) {
    Node node;
    from.contribute(node);
    return node.ip_masq_agent->non_masquerade.size();
  }
  std::size_t rules() const { return rules(source); }
  static constexpr std::size_t of_one = 3, of_defaults = 13;  // with both link-locals
  const std::string one = "nonMasqueradeCIDRs: [10.1.0.0/16]";

  void begin(const std::string& items) {
    source.start();
    api.answer_list(items);
    timers.pass({});
  }
};

TEST_F(ConfigMapSourceTest, ReadsAndWatchesOneObject) {
  begin(config_map(one));
  EXPECT_THAT(api.queries,
              Contains("/api/v1/namespaces/kube-system/configmaps?limit=500&fieldSelector=metadata.name%3Dagent"));
  EXPECT_EQ(rules(), of_one);
  api.tell("MODIFIED", config_map("nonMasqueradeCIDRs: [10.1.0.0/16, 10.2.0.0/16]", 2));
  EXPECT_EQ(rules(), of_one + 1);
  api.tell("DELETED", config_map(one, 3));
  EXPECT_EQ(rules(), of_defaults);
}

TEST_F(ConfigMapSourceTest, WithoutTheObjectOrItsKeyTheDefaultsAreInForceAndItSaysSo) {
  begin("");
  EXPECT_EQ(rules(), of_defaults);
  EXPECT_THAT(source.value().warnings,
              Contains("ConfigMap kube-system/agent: no key config: the default CIDRs are in force"));
  api.tell("ADDED", R"({"metadata":{"resourceVersion":"2"},"data":{"other":"x"}})");
  EXPECT_EQ(rules(), of_defaults);
}

TEST_F(ConfigMapSourceTest, ARejectedTextKeepsTheLastValidOne) {
  begin(config_map(one));
  api.tell("MODIFIED", config_map("nonMasqueradeCIDRs:\n- 10.0.0.0/33", 2));
  EXPECT_EQ(rules(), of_one);
  EXPECT_EQ(source.state().kind, FindingKind::configuration);
  EXPECT_THAT(source.state().error,
              HasSubstr("ConfigMap kube-system/agent: config: line 2: nonMasqueradeCIDRs: \"10.0.0.0/33\""));
  timers.pass(seconds(11));
  api.refuse("away");
  EXPECT_THAT(source.state().error, HasSubstr("line 2"));
  timers.pass(seconds(2));
  api.tell("MODIFIED", config_map(one, 3));
  EXPECT_EQ(source.state().error, "");
}

TEST_F(ConfigMapSourceTest, TheNextStartHasTheLastValidText) {
  begin(config_map(one));
  api.tell("MODIFIED", config_map("wrong: [", 2));
  auto next = make();
  next.start();
  EXPECT_EQ(rules(next), of_one);
  api.refuse("away");
  EXPECT_EQ(rules(next), of_one);
  EXPECT_EQ(next.state().kind, FindingKind::kubernetes);
}

TEST_F(ConfigMapSourceTest, AListWithoutTheObjectMustBeConfirmed) {
  begin(config_map(one));
  api.gone();
  timers.pass(seconds(5));
  api.answer_list("");
  EXPECT_EQ(rules(), of_one);
  timers.pass(seconds(5));
  api.answer_list("");
  EXPECT_EQ(rules(), of_defaults);
}

TEST_F(ConfigMapSourceTest, TheRulesOfTheKernelStayUntilTheApiAnswers) {
  source.seed({{.cidr = Cidr::parse("10.1.0.0/16").value()}});
  source.start();
  api.refuse("away");
  EXPECT_EQ(rules(), 1U);
}

}  // namespace
}  // namespace masq::agent
