// SPDX-License-Identifier: Apache-2.0
#include "model/pod_devices.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "model/node.hpp"
#include "unit/model/nodes.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PodDevices found(const std::vector<Link>& links, const std::vector<Route>& routes) {
  Node node;
  node.links = links;
  node.routes = routes;
  return pod_devices(node, cidrs("10.0.1.0/24 fd00::/64"), {2});
}

std::vector<std::string> texts(const std::vector<Cidr>& prefixes) {
  std::vector<std::string> texts;
  for (const auto& prefix : prefixes) texts.push_back(prefix.to_string());
  return texts;
}

TEST(PodDevices, ARouteProvesWhatANameSays) {
  const auto devices = found({pair("lxc1", 5), pair("veth7", 6), pair("veth8", 7)}, {connected("10.0.1.7/32", 6)});
  EXPECT_THAT(devices.single, ElementsAre(PodDevices::Device{.ifindex = 5, .name = "lxc1", .has_route = false},
                                          PodDevices::Device{.ifindex = 6, .name = "veth7", .has_route = true}));
}

TEST(PodDevices, NextHopsOfOneRouteAndMembersOfAVrfShareAWay) {
  const auto devices =
      found({device("eth0", 2), device("eth1", 3), port(device("eth2", 4), 9, "vrf"), link_of_kind("red", 9, "vrf")},
            {connected("10.0.1.0/24", 2), connected("10.0.1.0/24", 3)});
  EXPECT_THAT(devices.shared, ElementsAre("eth0", "eth1", "eth2", "red"));
}

// For IPv6 the kernel adds a route by each device.
TEST(PodDevices, AGatewayOnEachDeviceIsNoMultipathRoute) {
  const auto devices = found({pair("lxc1", 5, "fd00::1/128"), pair("lxc2", 6, "fd00::1/128")},
                             {connected("fd00::1/128", 5), connected("fd00::1/128", 6)});
  EXPECT_THAT(devices.pairs, IsEmpty());
  EXPECT_THAT(devices.shared, IsEmpty());
}

TEST(PodDevices, RoutesOfManyHaveTheOthersInside) {
  const auto devices =
      found({device("eth0", 2), bridge("cni0", 3), pair("veth7", 6)},
            {by_gateway("0.0.0.0/0", 2), connected("10.0.1.0/24", 3), connected("10.0.1.7/32", 6),
             by_gateway("10.0.1.128/25", 2), connected("192.0.2.0/24", 2), connected("fd00::7/128", 6)});
  EXPECT_THAT(texts(devices.routes_of_many), ElementsAre("10.0.1.0/24"));
  EXPECT_THAT(texts(devices.others_inside), ElementsAre("10.0.1.7/32", "10.0.1.128/25"));
}

// Tables of several rules may contradict each other; no packet is dropped for it.
TEST(PodDevices, APrefixInTwoTablesIsOfMany) {
  auto other = connected("10.0.1.0/25", 2);
  other.table = 100;
  const auto devices =
      found({device("eth0", 2), bridge("cni0", 3)}, {connected("10.0.1.0/24", 3), connected("10.0.1.0/25", 3), other});
  EXPECT_THAT(texts(devices.routes_of_many), ElementsAre("10.0.1.0/24", "10.0.1.0/25"));
  EXPECT_THAT(devices.others_inside, IsEmpty());
}

}  // namespace
}  // namespace masq
