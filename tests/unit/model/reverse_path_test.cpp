// SPDX-License-Identifier: Apache-2.0
#include "model/reverse_path.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "model/desired.hpp"
#include "model/node.hpp"
#include "unit/model/nodes.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Desired two_uplinks() {
  Desired desired;
  desired.ipv4.enabled = true;
  desired.uplinks = {{.ifindex = 2, .name = "eth0", .ipv4 = {"192.0.2.10"_ip}},
                     {.ifindex = 3, .name = "eth1", .ipv4 = {"198.51.100.10"_ip}}};
  return desired;
}

Node node_with(int eth0, int eth1) {
  Node node;
  node.links = {{.ifindex = 2, .name = "eth0", .rp_filter = eth0}, {.ifindex = 3, .name = "eth1", .rp_filter = eth1}};
  return node;
}

std::vector<std::string> texts_on(const Desired& desired, const Node& node) {
  return texts(findings_on_reverse_path(desired, node));
}

TEST(ReversePath, EachStrictUplinkIsNamed) {
  const auto desired = two_uplinks();
  const auto eth0 = StartsWith("eth0: rp_filter is 1"), eth1 = StartsWith("eth1: rp_filter is 1");
  EXPECT_THAT(texts_on(desired, node_with(0, 0)), IsEmpty());
  EXPECT_THAT(texts_on(desired, node_with(2, 2)), IsEmpty());
  EXPECT_THAT(texts_on(desired, node_with(1, 0)), ElementsAre(eth0));
  EXPECT_THAT(texts_on(desired, node_with(2, 1)), ElementsAre(eth1));
  EXPECT_THAT(texts_on(desired, node_with(1, 1)), ElementsAre(eth0, eth1));
}

TEST(ReversePath, OnlySeveralUplinksWithAnIPv4AddressMatter) {
  auto desired = two_uplinks();
  desired.uplinks[1].ipv4.clear();
  EXPECT_THAT(texts_on(desired, node_with(1, 1)), IsEmpty());
  desired.uplinks.pop_back();
  EXPECT_THAT(texts_on(desired, node_with(1, 1)), IsEmpty());
  desired = two_uplinks();
  desired.ipv4.enabled = false;
  EXPECT_THAT(texts_on(desired, node_with(1, 1)), IsEmpty());
}

TEST(ReversePath, ARemovedUplinkIsNotNamed) {
  EXPECT_THAT(texts_on(two_uplinks(), Node()), IsEmpty());
}

}  // namespace
}  // namespace masq
