// SPDX-License-Identifier: Apache-2.0
#include "model/source_routes.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "model/node.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

Node node_with(std::vector<Route> routes) {
  Node node;
  node.links = {{.ifindex = 2,
                 .name = "eth0",
                 .up = true,
                 .addresses = {{.address = "192.0.2.10"_ip, .prefix_length = 24},
                               {.address = "198.51.100.10"_ip, .prefix_length = 24}}}};
  node.routes = std::move(routes);
  return node;
}

std::string found(const Node& node) {
  std::string words;
  for (const auto& route : source_routes(node, {{.ifindex = 2, .name = "eth0", .ipv4 = {"192.0.2.10"_ip}}}, true, {}))
    words += fmt::format("{} {} {}; ", route.device, route.destination.to_string(), route.source.to_string());
  return words;
}

TEST(SourceRoutes, OnlyThoseThatSayOtherThanTheUplink) {
  EXPECT_EQ(found(node_with({{.destination = "0.0.0.0/0"_cidr, .ifindex = 2, .gateway = "192.0.2.1"_ip},
                             {.destination = "192.0.2.0/24"_cidr, .ifindex = 2},
                             {.destination = "198.51.100.0/24"_cidr, .ifindex = 2},
                             {.destination = "10.0.0.0/8"_cidr, .ifindex = 3}})),
            "eth0 198.51.100.0/24 198.51.100.10; ");
}

TEST(SourceRoutes, LongestFirstAndARouteBackIsOneToo) {
  EXPECT_EQ(
      found(node_with(
          {{.destination = "10.0.0.0/8"_cidr, .ifindex = 2, .has_gateway = true, .gateway = "198.51.100.1"_ip},
           {.destination = "10.1.0.0/16"_cidr,
            .ifindex = 2,
            .has_gateway = true,
            .preferred_source = "192.0.2.10"_ip,
            .gateway = "198.51.100.1"_ip},
           {.destination = "10.2.0.0/16"_cidr, .ifindex = 2, .has_gateway = true, .gateway = "198.51.100.1"_ip}})),
      "eth0 10.1.0.0/16 192.0.2.10; eth0 10.0.0.0/8 198.51.100.10; ");
}

TEST(SourceRoutes, TheLowestMetricDecides) {
  EXPECT_EQ(
      found(node_with(
          {{.destination = "10.0.0.0/8"_cidr, .ifindex = 2, .metric = 200, .preferred_source = "198.51.100.10"_ip},
           {.destination = "10.0.0.0/8"_cidr, .ifindex = 2, .metric = 100, .preferred_source = "192.0.2.10"_ip}})),
      "");
}

}  // namespace
}  // namespace masq
