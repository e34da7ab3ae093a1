// SPDX-License-Identifier: Apache-2.0
#include "model/finding.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/devices.hpp"
#include "model/node.hpp"
#include "model/reverse_path.hpp"
#include "unit/model/nodes.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

using testing::ElementsAre;

std::vector<FindingKind> kinds(const std::vector<Finding>& findings) {
  std::vector<FindingKind> found;
  for (const auto& finding : findings) found.push_back(finding.kind);
  return found;
}

Node healthy_node() {
  return {.links = {loopback("127.0.0.1/8"), device("eth0", 2, "192.0.2.10/24"), bridge("cni0", 3, "10.0.0.1/24")},
          .routes = {by_gateway("0.0.0.0/0", 2), connected("192.0.2.0/24", 2), connected("10.0.0.0/24", 3)}};
}

struct Provocation {
  FindingKind kind;
  Config config;
  std::function<void(Node&)> change = [](Node&) {};
};

std::vector<Cidr> many_cidrs(std::size_t count) {
  std::vector<Cidr> found;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t bytes[] = {10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                                  static_cast<std::uint8_t>(i)};
    found.push_back(Cidr::host(Address::from_bytes(bytes)));
  }
  return found;
}

void add_uplinks(Node& node, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto ifindex = static_cast<int>(100 + i);
    node.links.push_back(device(fmt::format("c{}", i), ifindex, "198.51.100.1/24"));
    node.routes.push_back(connected("198.51.100.0/24", ifindex));
  }
}

TEST(Finding, EachContradictionHasItsKind) {
  const Provocation cases[] = {
      {FindingKind::no_uplink, {}, [](Node& node) { node.routes.resize(0); }},
      {FindingKind::device_missing, {.devices = {"eth0", "eht0"}}},
      {FindingKind::no_pod_cidr, {}, [](Node& node) { node.links.pop_back(); }},
      {FindingKind::no_address, {}, [](Node& node) { node.links[1].addresses.clear(); }},
      {FindingKind::masquerade_address_missing, {.masquerade_address = {"192.0.2.10"_ip, "192.0.2.99"_ip}}},
      {FindingKind::no_port, {.nat_port_range = {{{30000, 30010}}}}},
      {FindingKind::too_many_uplinks, {}, [](Node& node) { add_uplinks(node, max_uplinks); }},
      {FindingKind::too_many_pod_cidrs, {.ipv4_pod_cidr = many_cidrs(max_pod_cidrs + 1)}},
      {FindingKind::forwarding_off, {}, [](Node& node) { node.links[1].forwards_ipv4 = false; }},
      {FindingKind::device_skipped,
       {.devices = {"eth0", "et+"}},
       [](Node& node) { node.links.push_back(port(device("eth1", 7), 9, "bond")); }},
      {FindingKind::address_tentative,
       {.masquerade_address = {"192.0.2.10"_ip, "192.0.2.11"_ip}},
       [](Node& node) {
         node.links[1].addresses.push_back({.address = "192.0.2.11"_ip, .prefix_length = 24, .tentative = true});
       }},
      {FindingKind::ports_overlap, {.nat_port_range = {{{40000, 40009}}}}},
      {FindingKind::ephemeral_ports, {}, [](Node& node) { node.local_port_range = {1024, 65535}; }},
      {FindingKind::ip_masq_agent,
       {.enable_ip_masq_agent = true},
       [](Node& node) { node.ip_masq_agent = IpMasqAgent{.warnings = {"line 1: \"x\": unknown key, ignored"}}; }},
      {FindingKind::container_network,
       {},
       [](Node& node) { node.links.push_back(bridge("br-public", 8, "198.51.100.1/24")); }},
  };
  for (const auto& [kind, config, change] : cases) {
    auto node = healthy_node();
    change(node);
    EXPECT_THAT(kinds(decide(config, node).findings), ElementsAre(kind)) << row_of(kind).word;
  }
  EXPECT_THAT(kinds(decide({}, healthy_node()).findings), testing::IsEmpty());
}

TEST(Finding, EachProblemSaysWhatMendsIt) {
  for (const auto& row : finding_rows()) {
    EXPECT_FALSE(row.remedy.empty()) << row.word;
    EXPECT_TRUE(row.meaning.ends_with('.')) << row.word;
    EXPECT_EQ(&row_of(row.kind), &row);
  }
}

TEST(Finding, TextsAreThoseOfOneSeverity) {
  const std::vector<Finding> both = {{FindingKind::no_uplink, "no uplink"}, {FindingKind::reverse_path, "rp_filter"}};
  EXPECT_THAT(texts_of(both, Severity::problem), ElementsAre("no uplink"));
  EXPECT_THAT(texts_of(both, Severity::note), ElementsAre("rp_filter"));
}

}  // namespace
}  // namespace masq
