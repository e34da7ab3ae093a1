// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/explain_reply.hpp"

#include <gmock/gmock.h>

#include "model/desired.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

Desired desired() {
  Desired state;
  state.ipv4.sources = cidrs("10.0.0.0/16");
  state.ipv4.rules = {{"172.16.0.0/12"_cidr, Decision::exclude_node}};
  state.uplinks = {{.ifindex = 2, .name = "eth0", .ipv4 = {"192.0.2.10"_ip, "192.0.2.11"_ip}}};
  state.ports = {{20000, 20009}};
  state.max_mappings = 1000;
  state.max_mappings_per_pod = 250;
  return state;
}

nlohmann::ordered_json ask(std::string_view target) {
  return answer_question(desired(), parse_question(target).value(), fail("no route"));
}

TEST(ExplainReply, SaysAsWhat) {
  EXPECT_EQ(ask("/v1/explain?source=10.0.1.5&destination=8.8.8.8"), nlohmann::ordered_json::parse(R"({
    "source": "10.0.1.5", "destination": "8.8.8.8",
    "verdict": "masqueraded as 192.0.2.10 or 192.0.2.11: no exclusion matches",
    "masqueraded": true, "reason": "no exclusion matches", "route": {"error": "no route"},
    "externals": [{"device": "eth0", "addresses": ["192.0.2.10", "192.0.2.11"]}], "addressByRoute": false,
    "limits": {"mappings": 1000, "mappingsPerPod": 250, "ports": 10, "portRanges": ["20000-20009"]}})"));
}

TEST(ExplainReply, SaysTheRule) {
  EXPECT_EQ(ask("/v1/explain?destination=172.16.0.1&source=10.0.1.5"), nlohmann::ordered_json::parse(R"({
    "source": "10.0.1.5", "destination": "172.16.0.1",
    "verdict": "not masqueraded: 172.16.0.0/12 is another node's address",
    "masqueraded": false, "reason": "172.16.0.0/12 is another node's address",
    "rule": "172.16.0.0/12", "route": {"error": "no route"}})"));
}

TEST(ExplainReply, FollowsTheKernelsRoute) {
  const auto question = parse_question("/v1/explain?source=10.0.1.5&destination=8.8.8.8").value();
  const Way outside{.devices = {"eth0"},
                    .route = {.ifindex = 2,
                              .hops = {},
                              .table = 200,
                              .gateway = "192.0.2.1"_ip,
                              .rule = "from 10.0.1.5 lookup 200",
                              .mark_rule = ""},
                    .refusal = "",
                    .source_device = "lxc1"};
  const auto masqueraded = answer_question(desired(), question, outside);
  EXPECT_TRUE(masqueraded["masqueraded"]);
  EXPECT_EQ(masqueraded["sourceDevice"], "lxc1");
  auto unverified = desired();
  unverified.kernel.verify_source = false;
  EXPECT_FALSE(answer_question(unverified, question, outside).contains("sourceDevice"));
  EXPECT_EQ(masqueraded["route"],
            nlohmann::ordered_json::parse(
                R"({"device": "eth0", "table": 200, "gateway": "192.0.2.1", "rule": "from 10.0.1.5 lookup 200"})"));
  const Way inside{.devices = {"cni0"}, .route = {.ifindex = 3, .table = 254}, .refusal = ""};
  const auto answer = answer_question(desired(), question, inside);
  EXPECT_EQ(answer["verdict"], "not masqueraded: it leaves by cni0, which is no uplink");
}

TEST(ExplainReply, HasEachDeviceOfAMultipathRoute) {
  const auto question = parse_question("/v1/explain?source=10.0.1.5&destination=8.8.8.8").value();
  auto two = desired();
  two.uplinks.push_back({.ifindex = 3, .name = "eth1", .ipv4 = {"198.51.100.7"_ip}, .ipv6 = {}});
  two.uplinks.push_back({.ifindex = 4, .name = "eth2", .ipv4 = {"203.0.113.7"_ip}, .ipv6 = {}});
  const Way way{.devices = {"eth1", "eth0"}, .route = {.ifindex = 3, .table = 254}, .refusal = ""};
  const auto answer = answer_question(two, question, way);
  EXPECT_EQ(answer["externals"].size(), 2U) << answer;
  EXPECT_EQ(answer["route"]["devices"], nlohmann::ordered_json({"eth1", "eth0"}));
}

TEST(ExplainReply, APacketWithoutARouteIsNotMasqueraded) {
  const auto question = parse_question("/v1/explain?source=10.0.1.5&destination=8.8.8.8").value();
  const auto answer = answer_question(desired(), question, Way{.devices = {}, .refusal = "Network is unreachable"});
  EXPECT_EQ(answer["verdict"], "not masqueraded: the kernel does not forward it: Network is unreachable");
  EXPECT_EQ(answer["route"], nlohmann::ordered_json::parse(R"({"error": "Network is unreachable"})"));
}

struct Row {
  const char* target;
  const char* error;
};

TEST(ExplainReply, RefusesWhatIsNoQuestion) {
  const Row rows[] = {{"/v1/explain", "source: an address is expected"},
                      {"/v1/explain?source=x&destination=8.8.8.8", "source: \"x\": an address is expected"},
                      {"/v1/explain?source=10.0.1.5", "destination: an address is expected"},
                      {"/v1/explain?&&=&source", "source: an address is expected"}};
  for (const auto& row : rows) EXPECT_EQ(parse_question(row.target).error().message, row.error) << row.target;
}

}  // namespace
}  // namespace masq::agent
