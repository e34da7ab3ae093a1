// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "cli/command.hpp"
#include "cli/status_text.hpp"
#include "os/http_client.hpp"
#include "unit/cli/fake_context.hpp"

namespace masq::cli {
namespace {

using Json = nlohmann::ordered_json;

const Json healthy = Json::parse(R"({
  "version": "1.2.3", "uptimeSeconds": 5400,
  "masquerading": {
    "enabled": true, "enabledProtocols": {"ipv4": true, "ipv6": true}, "mode": "BPF", "ip-masq-agent": true,
    "snat-exclusion-cidr-v4": "10.0.0.0/16", "snat-exclusion-cidr-v6": "fd00::/104",
    "devices": [{"name": "eth0", "ifindex": 2}, {"name": "eth1", "ifindex": 3}]
  },
  "datapath": {"name": "BPF", "reason": "as configured"},
  "sources": [
    {"name": "netlink", "delivered": true, "ageSeconds": 3, "error": ""},
    {"name": "ip-masq-agent", "delivered": true, "ageSeconds": 75, "error": ""},
    {"name": "k8s", "delivered": false, "error": ""}
  ],
  "apply": {"attempts": 4, "ageSeconds": 5, "durationSeconds": 0.0124, "error": "", "lastSteps": []},
  "mappings": [
    {"family": "ipv4", "used": 12, "bypassed": 3, "max": 524288, "bytes": 63400000, "created": 99},
    {"family": "ipv6", "used": 0, "bypassed": 0, "max": 524288, "created": 0}
  ],
  "packets": [
    {"family": "ipv4", "direction": "egress", "reason": "translated", "drop": false, "packets": 1000},
    {"family": "ipv4", "direction": "egress", "reason": "table_full", "drop": true, "packets": 7},
    {"family": "ipv6", "direction": "egress", "reason": "malformed", "drop": true, "packets": 0}
  ],
  "notes": ["eth1: no usable IPv6 address"],
  "problems": []
})");

TEST(StatusText, AHealthyAgent) {
  EXPECT_EQ(render_status_text(healthy),
            R"(Masquerading:   BPF (ip-masq-agent)   [eth0, eth1]  10.0.0.0/16 fd00::/104 [IPv4: Enabled, IPv6: Enabled]
Datapath:       BPF (as configured)
Sources:        netlink         3s ago
                ip-masq-agent   1m15s ago
                k8s             not yet
Last apply:     5s ago in 12ms: OK
Mappings:       IPv4: 12 of 524288, 3 bypassed, 63.4 MB
                IPv6: 0 of 524288, 0 bypassed
Drops:          IPv4 egress table_full: 7
Notes:          eth1: no usable IPv6 address
Agent:          masqd 1.2.3, up 1h30m
)");
}

TEST(StatusText, NamesOfOthersControlNoTerminal) {
  auto status = healthy;
  status["masquerading"]["devices"][0]["name"] = "eth\x1b[31m";
  status["sources"] =
      Json::parse(R"([{"name": "cni", "delivered": true, "ageSeconds": 9, "error": "net\n\u009b2Jx"}])");
  status["notes"] = Json::parse(R"(["eth1: a\rb"])");
  status["problems"] = Json::parse(R"(["one\nProblems:       forged\u001b[2J"])");
  const auto text = render_status_text(status);
  for (const auto* expected : {"[eth\\u001b[31m, eth1]", "net\\n\\u009b2Jx\n", "eth1: a\\rb\n",
                               "Problems:       one\\nProblems:       forged\\u001b[2J\n"})
    EXPECT_THAT(text, ::testing::HasSubstr(expected));
  EXPECT_EQ(render_status_brief(status), "one\\nProblems:       forged\\u001b[2J");
}

TEST(StatusText, AnUnhealthyAgent) {
  auto status = healthy;
  status["sources"] = Json::parse(R"([{"name": "cni", "delivered": true, "ageSeconds": 9, "error": "no JSON"}])");
  status["apply"]["error"] = "eth0: no such device";
  status["packets"] = Json::array();
  status["notes"] = Json::array();
  status["problems"] = {"apply: eth0: no such device", "cni: no JSON"};
  EXPECT_EQ(render_status_text(status),
            R"(Masquerading:   BPF (ip-masq-agent)   [eth0, eth1]  10.0.0.0/16 fd00::/104 [IPv4: Enabled, IPv6: Enabled]
Datapath:       BPF (as configured)
Sources:        cni             9s ago   no JSON
Last apply:     5s ago in 12ms: eth0: no such device
Mappings:       IPv4: 12 of 524288, 3 bypassed, 63.4 MB
                IPv6: 0 of 524288, 0 bypassed
Drops:          none
Problems:       apply: eth0: no such device
                cni: no JSON
Agent:          masqd 1.2.3, up 1h30m
)");
}

TEST(StatusText, WhoIsAtALimit) {
  auto status = healthy;
  status["usage"] = Json::parse(R"({"podsAtLimit": 3,
    "pods": [{"pod": "10.0.1.5", "mappings": 5, "max": 4}, {"pod": "fd00::5", "mappings": 4, "max": 4}],
    "fullestDestination": {"protocol": "TCP", "address": "2001:db8::1", "port": 443, "external": "2001:db8::10",
                           "ports": 12, "max": 28000}})");
  EXPECT_THAT(render_status_text(status), ::testing::HasSubstr(R"(
Pods at limit:  10.0.1.5: 5 of 4 mappings
                fd00::5: 4 of 4 mappings
                and 1 more
Fullest:        TCP [2001:db8::1]:443 from 2001:db8::10: 12 of 28000 ports
Drops:)"));
  status["usage"]["fullestDestination"]["keptBy"] = {"net.netfilter.a=30"};
  EXPECT_THAT(render_status_text(status),
              ::testing::HasSubstr(
                  "\n                ports run short: net.netfilter.a=30 keeps those of ended conversations\n"));
  status["usage"] = Json::parse(R"({"podsAtLimit": 0, "pods": []})");
  EXPECT_THAT(render_status_text(status), ::testing::HasSubstr("\nPods at limit:  none\nDrops:"));
}

struct MasqueradingRow {
  const char* json;
  const char* text;
};

TEST(StatusText, TheMasqueradingLine) {
  const MasqueradingRow rows[] = {
      {R"({"enabled": false})", "Disabled"},
      {R"({"enabled": false, "enabledProtocols": {"ipv4": false, "ipv6": false}})", "Disabled"},
      {R"({"enabled": true, "enabledProtocols": {"ipv4": true, "ipv6": false}, "mode": "BPF", "ip-masq-agent": false,
           "snat-exclusion-cidr-v4": "10.0.0.0/16", "devices": [{"name": "eth0"}]})",
       "BPF   [eth0]  10.0.0.0/16 [IPv4: Enabled, IPv6: Disabled]"},
      {R"({"enabled": true, "enabledProtocols": {"ipv4": true, "ipv6": true}, "mode": "nftables",
           "ip-masq-agent": true, "devices": []})",
       "nftables (ip-masq-agent)   []  [IPv4: Enabled, IPv6: Enabled]"},
      {R"({"enabled": true, "enabledProtocols": {"ipv4": false, "ipv6": true}, "mode": "IPTables",
           "ip-masq-agent": false, "snat-exclusion-cidr-v6": "fd00::/64 fd01::/64", "devices": [{"name": "a"}]})",
       "IPTables   [a]  fd00::/64 fd01::/64 [IPv4: Disabled, IPv6: Enabled]"},
  };
  for (const auto& row : rows) EXPECT_EQ(render_masquerading(Json::parse(row.json)), row.text);
}

TEST(StatusText, AnotherAgentsDocumentDoesNotBreakIt) {
  for (const char* text : {"{}", R"({"masquerading": 5, "sources": {"a": 1}, "mappings": [1], "problems": "x"})"})
    EXPECT_NE(render_status_text(Json::parse(text)), "");
}

TEST(StatusCommand, ProbesPassTheAgentsAnswerOn) {
  FakeContext context{.agent = os::HttpAnswer{.status = 200, .body = "OK\n"}};
  EXPECT_EQ(context.run({"status", "--alive"}), exit_done);
  EXPECT_EQ(context.asked, "/v1/livez");
  EXPECT_EQ(context.out, "OK\n");
  context.agent = os::HttpAnswer{.status = 503, .body = "no uplink\n"};
  EXPECT_EQ(context.run({"status", "--ready"}), exit_failed);
  EXPECT_EQ(context.asked, "/v1/readyz");
  EXPECT_EQ(context.out, "no uplink\n");
  context.agent.reset();
  EXPECT_EQ(context.run({"status", "--alive"}), exit_no_agent);
  EXPECT_EQ(context.run({"status", "--ready"}), exit_no_agent);
}

TEST(StatusCommand, ExitSaysWhetherAllIsWell) {
  FakeContext context{.agent = os::HttpAnswer{.status = 200, .body = healthy.dump()}};
  EXPECT_EQ(context.run({"status"}), exit_done);
  EXPECT_EQ(context.run({"status", "--brief"}), exit_done);
  EXPECT_EQ(context.out, "OK\n");
  auto ill = healthy;
  ill["problems"] = {"first", "second"};
  context.agent->body = ill.dump();
  EXPECT_EQ(context.run({"status"}), exit_failed);
  EXPECT_EQ(context.run({"status", "--brief"}), exit_failed);
  EXPECT_EQ(context.out, "first\n");
  EXPECT_EQ(context.run({"status", "-o", "json"}), exit_failed);
  auto shown = Json::parse(context.out);
  EXPECT_EQ(shown["usage"].dump(), R"({"podsAtLimit":0,"pods":[]})");
  shown.erase("usage");
  EXPECT_EQ(shown, ill);
}

TEST(StatusCommand, WithoutAnAgentItEndsWithThreeAndSaysWhereItLooked) {
  FakeContext context;
  EXPECT_EQ(context.run({"status"}), exit_no_agent);
  EXPECT_EQ(context.out, "");
  EXPECT_EQ(context.err, "masq: the agent is not reachable: connect to /run/masq.sock: No such file or directory\n");
}

TEST(StatusCommand, AnAnswerThatIsNoneIsAFailure) {
  FakeContext context{.agent = os::HttpAnswer{.status = 404, .body = "no such thing"}};
  EXPECT_EQ(context.run({"status"}), exit_failed);
}

}  // namespace
}  // namespace masq::cli
