// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/routes.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath_choice.hpp"
#include "agent/export/event_hub.hpp"
#include "agent/reconciler.hpp"
#include "agent/serve/agent_state.hpp"
#include "agent/serve/internal_errors.hpp"
#include "agent/sources/fact_source.hpp"
#include "agent/sources/options_source.hpp"
#include "agent/sources/source_set.hpp"
#include "base/result.hpp"
#include "datapath/counters.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "model/options/options.hpp"
#include "os/event_loop.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

class RoutesTest : public ::testing::Test {
 protected:
  FakeTimers timers;
  FakeLog log;
  FakeFacts facts;
  Config config{.enable_ipv6_masquerade = false, .ipv4_pod_cidr = cidrs("10.0.1.0/24"), .devices = {"eth0"}};
  OptionsSource options{timers, config};
  SourceSet sources{log.log};
  DatapathChoice choice{.datapath = std::make_unique<FakeDatapath>(), .reason = "as configured"};
  Reconciler reconciler{timers, facts, *choice.datapath, log.log, config};
  std::unique_ptr<os::EventLoop> loop = os::EventLoop::open().value();
  EventHub events{*loop, timers, [](const auto&) { return fail("no datapath is active"); }};
  InternalErrors internal_errors;
  ListenErrors listen_errors;
  AgentParts agent{.timers = timers,
                   .started_at = timers.now(),
                   .choice = choice,
                   .options = options,
                   .sources = sources,
                   .api = nullptr,
                   .reconciler = reconciler,
                   .internal_errors = internal_errors,
                   .listen_errors = listen_errors,
                   .events = events};

  RoutesTest() {
    facts.node.links = {
        {.ifindex = 2, .name = "eth0", .up = true, .addresses = {{.address = "192.0.2.10"_ip, .prefix_length = 24}}}};
  }
  os::HttpReply get(const std::string& target) const { return answer_api(agent, target); }
};

TEST_F(RoutesTest, OnlyTheStatusIsKnownBeforeTheFirstApply) {
  EXPECT_EQ(get("/v1/status").status, 200);
  for (const auto* target : {"/v1/desired", "/v1/ipmasq", "/v1/explain?source=10.0.1.5&destination=8.8.8.8"}) {
    EXPECT_EQ(get(target).status, 503) << target;
    EXPECT_EQ(get(target).type, "application/json");
    EXPECT_EQ(get(target).body, R"({"error":"nothing is applied yet"})");
  }
  EXPECT_EQ(get("/v1/healthz").status, 503);
  EXPECT_EQ(get("/v1/healthz").body, "nothing is applied yet\n");
  EXPECT_EQ(get("/v1/readyz").status, 503);
  EXPECT_EQ(get("/v1/livez").status, 200);
  EXPECT_EQ(get("/v1/livez").body, "OK\n");
}

TEST_F(RoutesTest, EachPathHasItsDocument) {
  reconciler.start();
  timers.pass(std::chrono::seconds(5));
  const auto status = Json::parse(get("/v1/status").body);
  EXPECT_EQ(status["uptimeSeconds"], 5);
  EXPECT_EQ(status["datapath"], Json::parse(R"({"name": "BPF", "reason": "as configured"})"));
  EXPECT_EQ(status["masquerading"]["devices"][0]["name"], "eth0");
  EXPECT_EQ(Json::parse(get("/v1/desired").body)["uplinks"][0]["name"], "eth0");
  EXPECT_EQ(get("/v1/ipmasq").body, R"({"entries":[]})");
  EXPECT_EQ(get("/v1/healthz").status, 200);
  EXPECT_EQ(get("/v1/healthz").body, "OK\n");
}

TEST_F(RoutesTest, EveryOptionHasItsValueSourceAndCost) {
  choice.kind = DatapathKind::nftables;
  config.nat_max_mappings = 4096;
  options.replace(config, {{"nat-max-mappings", {"flag --nat-max-mappings", "4096"}}},
                  {{"log-format", {"masqd.yaml: line 1", "json"}}});
  std::map<std::string, Json> rows;
  const auto document = Json::parse(get("/v1/options").body);
  for (const auto& row : document["options"]) rows[row["key"]] = row;
  EXPECT_EQ(rows.size(), masq::options().size());
  EXPECT_EQ(rows["nat-max-mappings"], Json::parse(R"({"key": "nat-max-mappings", "value": "4096",
      "source": "flag --nat-max-mappings", "change": "program", "withoutEffect": true})"));
  EXPECT_EQ(rows["log-format"], Json::parse(R"({"key": "log-format", "value": "text", "source": "default",
      "change": "restart", "afterRestart": {"value": "json", "source": "masqd.yaml: line 1"}})"));
  EXPECT_EQ(rows["ipv4-native-routing-cidr"], Json::parse(R"({"key": "ipv4-native-routing-cidr", "value": "",
      "source": "default", "meaning": "the pod CIDRs", "change": "live"})"));
}

// conntrack has a maximum of its own, and none for a pod.
TEST_F(RoutesTest, TheLimitsAreThoseOfTheDatapath) {
  reconciler.start();
  const auto limits = [&] { return Json::parse(get("/v1/status").body)["limits"]; };
  EXPECT_GT(limits()["mappingsPerPod"], 0);
  choice.kind = DatapathKind::nftables;
  EXPECT_EQ(limits()["mappingsPerPod"], 0);
  EXPECT_EQ(limits()["mappings"], 0) << "the fake table has no maximum";
  const auto answer = Json::parse(get("/v1/explain?source=10.0.1.5&destination=8.8.8.8").body);
  if (answer["masqueraded"]) {
    EXPECT_EQ(answer["limits"], limits());
  }
  Desired desired;
  use_limits_of(DatapathKind::iptables, [] { return Counters{.tables = {{.maximum = 4}, {.maximum = 5}}}; }, desired);
  EXPECT_EQ(desired.max_mappings, 5u);
}

TEST_F(RoutesTest, AnOptionWithoutEffectIsANote) {
  reconciler.start();
  choice.kind = DatapathKind::nftables;
  config.kernel.timeouts.udp = std::chrono::seconds(60);
  options.push(config);
  const auto findings = read_state(agent).findings;
  EXPECT_TRUE(std::ranges::any_of(findings, [](const Finding& finding) {
    return finding.kind == FindingKind::option_without_effect && finding.text.starts_with("nat-timeout-udp: no effect");
  }));
  EXPECT_EQ(get("/v1/healthz").status, 200);
}

TEST_F(RoutesTest, AnExceptionIsAProblemForAMinute) {
  reconciler.start();
  EXPECT_TRUE(internal_errors.record("std::bad_alloc", timers.now()));
  EXPECT_FALSE(internal_errors.record("std::bad_alloc", timers.now())) << "it is logged once";
  EXPECT_EQ(read_state(agent).findings,
            (std::vector<Finding>{{FindingKind::internal_error, "internal error: std::bad_alloc"}}));
  EXPECT_EQ(get("/v1/healthz").body, "internal error: std::bad_alloc\n");
  timers.pass(std::chrono::seconds(60));
  EXPECT_EQ(get("/v1/healthz").body, "OK\n");
}

TEST_F(RoutesTest, AFallbackOfAutoIsAProblem) {
  reconciler.start();
  choice.findings = {{FindingKind::datapath_fallback, "datapath: auto could not take bpf: CAP_BPF is missing"}};
  EXPECT_EQ(get("/v1/healthz").body, "datapath: auto could not take bpf: CAP_BPF is missing\n");
  EXPECT_EQ(answer_metrics(agent, "/readyz").status, 200) << "another datapath works";
}

TEST_F(RoutesTest, TheQueryIsNoPartOfThePath) {
  reconciler.start();
  EXPECT_EQ(get("/v1/status?pretty").status, 200);
  EXPECT_EQ(get("/v1/healthz?").status, 200);
}

TEST_F(RoutesTest, AnotherPathIsNotFound) {
  for (const auto* target : {"/", "/v1/status/", "/v1/explained", "/v2/status", "/metrics", "?"})
    EXPECT_EQ(get(target).status, 404) << target;
}

TEST_F(RoutesTest, AWrongQuestionIsABadRequestThatNamesTheParameter) {
  reconciler.start();
  const auto reply = get("/v1/explain?source=10.0.1.5&destination=nowhere");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(Json::parse(reply.body)["error"].get<std::string>(), StartsWith("destination: \"nowhere\": "));
  EXPECT_EQ(get("/v1/explain").status, 400);
  const auto answer = get("/v1/explain?source=10.0.1.5&destination=8.8.8.8");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Json::parse(answer.body)["source"], "10.0.1.5") << "the rest depends on the routes of this machine";
}

TEST_F(RoutesTest, EventsNeedKnownTypesAndASource) {
  EXPECT_EQ(get("/v1/events?type=x").status, 400);
  EXPECT_EQ(get("/v1/events").status, 503);
  EXPECT_EQ(get("/v1/events").body, R"({"error":"no datapath is active"})");
}

TEST_F(RoutesTest, AProblemIsUnhealthyAndTheFirstLineNamesIt) {
  reconciler.start();
  auto source = std::make_unique<FactSource<int>>("cni", Need::optional, timers);
  source->fail({"not a JSON object"});
  sources.add(std::move(source));
  EXPECT_EQ(get("/v1/healthz").status, 503);
  EXPECT_EQ(get("/v1/healthz").body, "cni: not a JSON object\n");
  options.fail({"MASQ_DEVICES: …"});
  EXPECT_EQ(get("/v1/healthz").body, "configuration: MASQ_DEVICES: …\n");
}

TEST_F(RoutesTest, AnErrorWithBytesThatAreNoTextIsStillADocument) {
  reconciler.start();
  options.fail({"devices: \xff"});
  const auto reply = get("/v1/status");
  EXPECT_FALSE(Json::parse(reply.body)["problems"].empty());
}

TEST_F(RoutesTest, TheStatusNamesOptionsWithoutEffect) {
  choice.kind = DatapathKind::nftables;
  config.nat_max_mappings = 4096;
  options.push(config);
  EXPECT_THAT(get("/v1/status").body, HasSubstr("nat-max-mappings: no effect with the BPF datapath"));
}

TEST_F(RoutesTest, TheMetricsListenerHasThreePaths) {
  EXPECT_EQ(answer_metrics(agent, "/metrics?name=x").status, 200);
  EXPECT_THAT(answer_metrics(agent, "/metrics").body, HasSubstr("masq_build_info{"));
  EXPECT_EQ(answer_metrics(agent, "/healthz?").status, 200);
  EXPECT_EQ(answer_metrics(agent, "/readyz?").status, 503);
  for (const auto* target : {"/", "/v1/status", "/v1/healthz", "/metrics/", "/readyz/"})
    EXPECT_EQ(answer_metrics(agent, target).status, 404) << target;
}

TEST_F(RoutesTest, TheAgentIsReadyOnceTheStateIsApplied) {
  EXPECT_EQ(answer_metrics(agent, "/readyz").body, "nothing is applied yet\n");
  reconciler.start();
  EXPECT_EQ(answer_metrics(agent, "/readyz").status, 200);
  EXPECT_EQ(answer_metrics(agent, "/readyz").body, "OK\n");
}

TEST_F(RoutesTest, AProblemIsNotReadyButTheAgentWorks) {
  reconciler.start();
  auto source = std::make_unique<FactSource<int>>("cni", Need::optional, timers);
  source->fail({"not a JSON object"});
  sources.add(std::move(source));
  EXPECT_EQ(answer_metrics(agent, "/readyz").status, 503);
  EXPECT_EQ(answer_metrics(agent, "/readyz").body, "cni: not a JSON object\n");
  EXPECT_EQ(answer_metrics(agent, "/healthz").status, 200);
  EXPECT_EQ(answer_metrics(agent, "/healthz").body, "OK\n");
}

// What it said last is in force.
TEST_F(RoutesTest, AnAbsentApiOfKubernetesChangesNoReadiness) {
  reconciler.start();
  auto nodes = std::make_unique<FactSource<int>>("kubernetes", Need::awaited, timers);
  nodes->fail({"connection refused"}, FindingKind::kubernetes);
  sources.add(std::move(nodes));
  listen_errors.set(":9965", "listen on :9965: Address already in use");
  EXPECT_EQ(get("/v1/healthz").status, 503);
  EXPECT_EQ(answer_metrics(agent, "/readyz").status, 200);
}

TEST_F(RoutesTest, ARejectedConfigurationChangesNoReadiness) {
  reconciler.start();
  auto file = std::make_unique<FactSource<int>>("ip-masq-agent", Need::optional, timers);
  file->fail({"line 1: not a prefix"}, FindingKind::configuration);
  sources.add(std::move(file));
  options.fail({"MASQ_DEVICES: …"});
  EXPECT_EQ(get("/v1/healthz").status, 503);
  EXPECT_EQ(answer_metrics(agent, "/readyz").status, 200);
}

}  // namespace
}  // namespace masq::agent
