// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/status.hpp"

#include <gmock/gmock.h>

#include <chrono>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"
#include "os/timers.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

constexpr os::Timers::Clock::time_point noon{std::chrono::hours(12)};

AgentState healthy() {
  Desired desired;
  desired.uplinks = {{.ifindex = 2, .name = "eth0", .ipv4 = {"192.0.2.10"_ip}, .ipv6 = {"2001:db8::10"_ip}}};
  desired.ipv4.shown_exclusions = cidrs("10.0.0.0/16");
  desired.ipv6.shown_exclusions = cidrs("fd00::/104");
  desired.pod_cidrs = {{.cidr = "10.0.0.0/16"_cidr, .origin = "the CNI configuration"}};
  desired.ip_masq_agent = true;
  desired.max_mappings = 1000;
  desired.max_mappings_per_pod = 250;
  desired.ports = {{20000, 20009}};
  AgentState state;
  state.version = "1.2.3";
  state.uptime = seconds(90);
  state.now = noon;
  state.datapath = "BPF";
  state.datapath_reason = "as configured";
  state.sources = {{.name = "netlink", .read_at = noon - seconds(3)}, {.name = "cni", .read_at = noon}};
  state.findings = {{FindingKind::device_skipped, "devices: eth2 is skipped"}};
  state.reconciler.applied = desired;
  state.reconciler.attempts = 4;
  state.reconciler.tried_at = noon - seconds(5);
  state.reconciler.duration = std::chrono::milliseconds(250);
  state.reconciler.steps = {"load the programs"};
  state.read_back_at = noon - seconds(2);
  state.counters =
      Counters{.packets = {{.direction = "egress", .reason = "table_full", .drop = true, .packets = 7}},
               .tables = {{.family = Family::ipv4, .used = 1, .bypassed = 2, .maximum = 1000, .bytes = 250000}},
               .mappings_created = {12, 0}};
  return state;
}

TEST(Status, IsTheContractsDocument) {
  EXPECT_EQ(render_status(healthy()), nlohmann::ordered_json::parse(R"({
    "version": "1.2.3",
    "uptimeSeconds": 90,
    "masquerading": {
      "enabled": true,
      "enabledProtocols": {"ipv4": true, "ipv6": true},
      "mode": "BPF",
      "ip-masq-agent": true,
      "snat-exclusion-cidr-v4": "10.0.0.0/16",
      "snat-exclusion-cidr-v6": "fd00::/104",
      "devices": [{"name": "eth0", "ifindex": 2, "ipv4": "192.0.2.10", "ipv6": "2001:db8::10"}]
    },
    "podCidrs": [{"cidr": "10.0.0.0/16", "origin": "the CNI configuration"}],
    "datapath": {"name": "BPF", "reason": "as configured"},
    "sources": [
      {"name": "netlink", "delivered": true, "ageSeconds": 3, "error": ""},
      {"name": "cni", "delivered": true, "ageSeconds": 0, "error": ""}
    ],
    "apply": {"attempts": 4, "ageSeconds": 5, "durationSeconds": 0.25, "readBackAgeSeconds": 2, "error": "",
              "lastSteps": ["load the programs"]},
    "mappings": [{"family": "ipv4", "used": 1, "bypassed": 2, "max": 1000, "bytes": 250000, "created": 12}],
    "limits": {"mappings": 1000, "mappingsPerPod": 250, "ports": 10, "portRanges": ["20000-20009"]},
    "packets": [{"family": "ipv4", "direction": "egress", "reason": "table_full", "drop": true, "packets": 7}],
    "notes": ["devices: eth2 is skipped"],
    "problems": [],
    "findings": [{"word": "device_skipped", "severity": "note", "text": "devices: eth2 is skipped",
                  "remedy": "name the bridge or bond that it belongs to"}]
  })"));
}

TEST(Status, AFamilyThatIsOffHasNoAddressesAndNoExclusion) {
  auto state = healthy();
  state.reconciler.applied->ipv6.enabled = false;
  const auto masquerading = render_status(state)["masquerading"];
  EXPECT_EQ(masquerading["enabledProtocols"]["ipv6"], false);
  EXPECT_FALSE(masquerading.contains("snat-exclusion-cidr-v6"));
  EXPECT_FALSE(masquerading["devices"][0].contains("ipv6"));
}

TEST(Status, BothOffIsDisabled) {
  auto state = healthy();
  state.reconciler.applied->ipv4.enabled = state.reconciler.applied->ipv6.enabled = false;
  EXPECT_EQ(render_status(state)["masquerading"].dump(),
            R"({"enabled":false,"enabledProtocols":{"ipv4":false,"ipv6":false}})");
}

TEST(Status, BeforeAnythingIsApplied) {
  AgentState state;
  const auto status = render_status(state);
  EXPECT_EQ(status["masquerading"]["enabled"], false);
  EXPECT_THAT(problems(state), ElementsAre("nothing is applied yet"));
}

TEST(Status, AProblemOfTheNodeIsNotOk) {
  auto state = healthy();
  state.findings.push_back({FindingKind::no_uplink, "no uplink found"});
  EXPECT_THAT(problems(state), ElementsAre("no uplink found"));
}

TEST(Status, EachProblemOfTheAgentHasItsKind) {
  const auto only_kind = [](const AgentState& state) {
    const auto findings = all_findings(state);
    EXPECT_EQ(findings.size(), 2u) << "and the note";
    return findings.front().kind;
  };
  auto state = healthy();
  state.reconciler.error = "eth0: no such device";
  EXPECT_EQ(only_kind(state), FindingKind::apply);
  state = healthy();
  state.options.error = "MASQ_DEVICES: …";
  EXPECT_EQ(only_kind(state), FindingKind::configuration);
  state = healthy();
  state.sources[1].error = "not a JSON object";
  EXPECT_EQ(only_kind(state), FindingKind::source);
  state.sources[1].kind = FindingKind::configuration;
  EXPECT_EQ(only_kind(state), FindingKind::configuration);
  state = healthy();
  state.counters = fail("no map");
  EXPECT_EQ(only_kind(state), FindingKind::counters);
  EXPECT_EQ(all_findings({}).front().kind, FindingKind::not_applied);
}

TEST(Status, ProblemsComeInTheirOrder) {
  auto state = healthy();
  state.reconciler.error = "eth0: no such device";
  state.reconciler.decide_error = "nat-port-range leaves no port";
  state.options.error = "MASQ_DEVICES: …";
  state.sources[1].error = "not a JSON object";
  state.counters = fail("no map");
  EXPECT_THAT(problems(state),
              ElementsAre("apply: eth0: no such device", "nat-port-range leaves no port",
                          "configuration: MASQ_DEVICES: …", "cni: not a JSON object", "counters: no map"));
}

}  // namespace
}  // namespace masq::agent
