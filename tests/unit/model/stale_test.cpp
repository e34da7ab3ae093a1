// SPDX-License-Identifier: Apache-2.0
#include "model/stale.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "base/address.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/desired_json.hpp"
#include "model/ip_masq_agent.hpp"
#include "model/node.hpp"
#include "unit/model/nodes.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

Desired desired() {
  const Config config{.ipv4_pod_cidr = cidrs("10.0.0.0/16"),
                      .node_addresses = {"203.0.113.7"_ip},
                      .enable_ip_masq_agent = true,
                      .nat_port_range = {{{20000, 29999}}}};
  const Node node{.links = {device("eth0", 2, "192.0.2.10/24"), device("eth1", 3, "198.51.100.10/24")},
                  .routes = {by_gateway("0.0.0.0/0", 2), connected("198.51.100.0/24", 3)},
                  .ip_masq_agent = IpMasqAgent{.non_masquerade = cidrs("172.16.0.0/12"), .masquerade = {}}};
  return decide(config, node);
}

struct Row {
  const char* what;
  const char* pod;
  const char* remote;
  const char* external;  // empty: left alone
  std::optional<std::uint16_t> port;
  bool stale;
};

constexpr Row rows[] = {
    {"as today", "10.0.1.5", "8.8.8.8", "192.0.2.10", 20000, false},
    {"by the other uplink", "10.0.1.5", "8.8.8.8", "198.51.100.10", 29999, false},
    {"an address that is gone", "10.0.1.5", "8.8.8.8", "192.0.2.11", 20000, true},
    {"a port out of today's range", "10.0.1.5", "8.8.8.8", "192.0.2.10", 30000, true},
    {"a port of a class below 1024", "10.0.1.5", "8.8.8.8", "192.0.2.10", 123, false},
    {"an identifier has no range", "10.0.1.5", "8.8.8.8", "192.0.2.10", std::nullopt, false},
    {"excluded today", "10.0.1.5", "172.16.1.1", "192.0.2.10", 20000, true},
    {"another node today", "10.0.1.5", "203.0.113.7", "192.0.2.10", 20000, true},
    {"no pod today", "10.9.1.5", "8.8.8.8", "192.0.2.10", 20000, true},
    {"no longer excluded", "10.0.1.5", "8.8.8.8", "", std::nullopt, true},
    {"excluded then and now", "10.0.1.5", "172.16.1.1", "", std::nullopt, false},
    {"a family that is not masqueraded", "fd00::5", "2001:db8::1", "2001:db8::10", 20000, true},
};

DecidedConnection connection(const Row& row) {
  DecidedConnection made{.pod = Address::parse(row.pod).value(), .remote = Address::parse(row.remote).value()};
  if (*row.external) made.external = {Address::parse(row.external).value(), row.port};
  return made;
}

TEST(Stale, IsWhatWouldBeDecidedOtherwise) {
  for (const auto& row : rows) EXPECT_EQ(is_stale(desired(), connection(row)), row.stale) << row.what;
}

TEST(Stale, TheRouteMayChooseAnyAddress) {
  auto state = desired();
  state.kernel.route_source = true;
  EXPECT_FALSE(
      is_stale(state, connection({.pod = "10.0.1.5", .remote = "8.8.8.8", .external = "192.0.2.11", .port = 20000})));
}

TEST(Stale, MappingsWaitForAnAddressThatIsAway) {
  auto state = desired();
  for (auto& uplink : state.uplinks) uplink.ipv4.clear();
  EXPECT_FALSE(is_stale(state, connection(rows[0])));
}

TEST(DesiredJson, DecidesAsTheStateThatItWasMadeOf) {
  const auto read = desired_from_json(nlohmann::ordered_json::parse(desired_to_json(desired()).dump())).value();
  for (const auto& row : rows) EXPECT_EQ(is_stale(read, connection(row)), row.stale) << row.what;
  EXPECT_EQ(read.ipv4.rules, desired().ipv4.rules);
  EXPECT_EQ(read.ports, desired().ports);
  EXPECT_EQ(read.kept_ports, desired().kept_ports);
  EXPECT_EQ(read.max_mappings_per_pod, desired().max_mappings_per_pod);
}

TEST(DesiredJson, AnEarlierAgentKeepsNoFurtherPorts) {
  auto document = desired_to_json(desired());
  document.erase("keptPorts");
  EXPECT_TRUE(desired_from_json(document).value().kept_ports.empty());
}

TEST(DesiredJson, AnotherAgentsDocumentIsAnError) {
  auto document = desired_to_json(desired());
  document["ipv4"]["rules"][0]["decision"] = "toss a coin";
  EXPECT_EQ(desired_from_json(document).error().message, "not a desired state: \"toss a coin\": no such decision");
  for (const char* text : {"{}", "[]", R"({"ipv4": 5})"})
    EXPECT_FALSE(desired_from_json(nlohmann::ordered_json::parse(text))) << text;
}

}  // namespace
}  // namespace masq
