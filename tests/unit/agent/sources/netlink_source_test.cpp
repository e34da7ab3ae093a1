// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/netlink_source.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/cidr.hpp"
#include "model/node.hpp"
#include "unit/os/own_network.hpp"
#include "unit/os/temp_directory.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

// Links, addresses and routes as the kernel of this machine tells them.
class Network {
 public:
  Node node() {
    source_->wake();
    source_->read();
    EXPECT_EQ(source_->state().error, "");
    Node node;
    source_->contribute(node);
    return node;
  }
  Link link(const std::string& name) {
    const auto links = node().links;
    const auto found = std::ranges::find(links, name, &Link::name);
    return found == links.end() ? Link() : *found;
  }
  std::vector<Route> routes_to(const Cidr& destination) {
    auto routes = node().routes;
    std::erase_if(routes, [&](const Route& route) { return route.destination != destination; });
    return routes;
  }
  // Changes something, and hears of it.
  void hears_of(const std::string& name, const std::function<void()>& change) {
    run(std::chrono::seconds(0));
    changes_ = 0;
    change();
    run(std::chrono::seconds(5));
    EXPECT_GT(changes_, 0) << name;
  }
  void hears_of(const std::string& words) {
    hears_of(words, [&] { os::ip(words); });
  }

 private:
  void run(std::chrono::seconds limit) {
    const auto end = loop_->now() + limit;
    do {
      ASSERT_TRUE(loop_->run_once(std::chrono::milliseconds(limit.count() == 0 ? 0 : 20)));
    } while (changes_ == 0 && loop_->now() < end);
  }

  std::unique_ptr<os::EventLoop> loop_ = os::EventLoop::open().value();
  int changes_ = 0;
  std::unique_ptr<NetlinkSource> source_ = NetlinkSource::open(*loop_, [this] { ++changes_; }).value();
};

void set_rp_filter(const std::string& device, int filter) {
  os::write_file("/proc/sys/net/ipv4/conf/" + device + "/rp_filter", fmt::format("{}\n", filter));
}

void expect_in_own_network(const std::function<void()>& body) {
  if (!os::in_own_network(body)) GTEST_SKIP() << "a network namespace needs root";
}

TEST(NetlinkSource, AnEmptyNamespaceHasLoopbackOnly) {
  expect_in_own_network([] {
    Network network;
    const auto node = network.node();
    ASSERT_EQ(node.links.size(), 1u);
    EXPECT_EQ(node.links[0].name, "lo");
    EXPECT_TRUE(node.links[0].loopback);
    EXPECT_FALSE(node.links[0].up);
    EXPECT_TRUE(node.routes.empty());
  });
}

TEST(NetlinkSource, LinksWithTheirAddresses) {
  expect_in_own_network([] {
    os::ip("link add br0 type bridge");
    os::ip("link add eth0 type veth peer name far");
    os::ip("link set far master br0");
    os::ip("link set eth0 up");
    os::ip("address add 192.0.2.10/24 broadcast 192.0.2.255 dev eth0");
    os::ip("address add 192.0.2.11/24 dev eth0");
    os::ip("address add 10.9.9.1 peer 10.9.9.2/32 dev eth0 scope link");
    os::ip("address add 2001:db8::10/64 dev eth0 nodad");
    os::ip("address add 2001:db8::11/64 dev eth0 nodad preferred_lft 0");
    Network network;
    const auto eth0 = network.link("eth0");
    EXPECT_EQ(eth0.kind, "veth");
    EXPECT_TRUE(eth0.up);
    std::vector<LinkAddress> addresses = eth0.addresses;
    std::erase_if(addresses, [](const auto& one) { return one.address.is_link_local(); });
    EXPECT_THAT(addresses,
                ::testing::UnorderedElementsAre(
                    LinkAddress{.address = "192.0.2.10"_ip, .prefix_length = 24, .broadcast = "192.0.2.255"_ip},
                    LinkAddress{.address = "192.0.2.11"_ip, .prefix_length = 24, .secondary = true},
                    LinkAddress{.address = "10.9.9.1"_ip, .prefix_length = 32, .scope_global = false},
                    LinkAddress{.address = "2001:db8::10"_ip, .prefix_length = 64},
                    LinkAddress{.address = "2001:db8::11"_ip, .prefix_length = 64, .deprecated = true}));
    const auto far = network.link("far");
    EXPECT_EQ(far.master, network.link("br0").ifindex);
    EXPECT_EQ(far.master_kind, "bridge");
  });
}

TEST(NetlinkSource, UnicastRoutesOfTheTablesThatRulesSelect) {
  expect_in_own_network([] {
    for (const char* name : {"eth0", "eth1"}) {
      os::ip(fmt::format("link add {0} type veth peer name far-{0}", name));
      os::ip(fmt::format("link set {} up", name));
      os::ip(fmt::format("link set far-{} up", name));
    }
    os::ip("address add 192.0.2.10/24 dev eth0");
    os::ip("address add 198.51.100.10/24 dev eth1");
    os::ip("address add 2001:db8::10/64 dev eth0 nodad");
    os::ip("route add default via 192.0.2.1 metric 50");
    os::ip("route add 203.0.113.0/24 nexthop via 192.0.2.1 nexthop via 198.51.100.1");
    os::ip("route add 10.5.0.0/16 via 192.0.2.1 src 198.51.100.10");
    os::ip("route add blackhole 10.6.0.0/16");
    os::ip("route add 10.7.0.0/16 via 192.0.2.1 table 100");
    os::ip("route add 10.8.0.0/16 via 192.0.2.1 table 200");
    os::ip("rule add from 10.1.1.0/24 lookup 200");
    os::ip("nexthop add id 10 via 198.51.100.1 dev eth1");
    os::ip("nexthop add id 20 group 10");
    os::ip("route add 10.9.0.0/16 nhid 20");
    os::write_file("/proc/sys/net/ipv4/nexthop_compat_mode", "0\n");
    os::ip("-6 route add default via 2001:db8::1");
    Network network;
    const int eth0 = network.link("eth0").ifindex, eth1 = network.link("eth1").ifindex;
    const auto to = [&](const Cidr& destination) { return network.routes_to(destination); };
    ASSERT_EQ(to("0.0.0.0/0"_cidr).size(), 1u);
    EXPECT_EQ(to("0.0.0.0/0"_cidr)[0].metric, 50u);
    EXPECT_TRUE(to("0.0.0.0/0"_cidr)[0].has_gateway);
    ASSERT_EQ(to("203.0.113.0/24"_cidr).size(), 2u);
    EXPECT_EQ(to("203.0.113.0/24"_cidr)[0].ifindex, eth0);
    EXPECT_EQ(to("203.0.113.0/24"_cidr)[1].ifindex, eth1);
    EXPECT_EQ(to("10.5.0.0/16"_cidr).at(0).preferred_source, "198.51.100.10"_ip);
    EXPECT_TRUE(to("192.0.2.0/24"_cidr).at(0).scope_link);
    EXPECT_TRUE(to("10.6.0.0/16"_cidr).empty());
    EXPECT_TRUE(to("10.7.0.0/16"_cidr).empty());
    EXPECT_EQ(to("10.8.0.0/16"_cidr).at(0).table, 200u);
    EXPECT_EQ(to("10.9.0.0/16"_cidr).at(0).ifindex, eth1) << "the message of the route names an object only";
    EXPECT_TRUE(to("192.0.2.10/32"_cidr).empty());
    ASSERT_EQ(to("::/0"_cidr).size(), 1u);
    EXPECT_EQ(to("::/0"_cidr)[0].ifindex, eth0);
    EXPECT_TRUE(to("2001:db8::/64"_cidr).at(0).scope_link);
  });
}

TEST(NetlinkSource, TheGreaterReversePathFilterOfTheDeviceAndOfAllIsInForce) {
  expect_in_own_network([] {
    os::ip("link add eth0 type veth peer name far");
    Network network;
    for (const int all : {0, 1, 2})
      for (const int own : {0, 1, 2}) {
        set_rp_filter("all", all);
        set_rp_filter("eth0", own);
        EXPECT_EQ(network.link("eth0").rp_filter, std::max(all, own));
      }
  });
}

TEST(NetlinkSource, HearsOfEveryKindOfChange) {
  expect_in_own_network([] {
    Network network;
    network.hears_of("link add eth0 type veth peer name far");
    network.hears_of("link set far up");
    network.hears_of("link set eth0 up");
    network.hears_of("address add 192.0.2.10/24 dev eth0");
    network.hears_of("-6 address add 2001:db8::10/64 dev eth0 nodad");
    network.hears_of("route add default via 192.0.2.1");
    network.hears_of("-6 route add default via 2001:db8::1");
    network.hears_of("route del default");
    network.hears_of("rule add from 10.1.1.0/24 lookup 200");
    network.hears_of("-6 rule add from fd01::/64 lookup 200");
    network.hears_of("nexthop add id 10 via 192.0.2.1 dev eth0");
    network.hears_of("link property add dev eth0 altname enp3s0");
    EXPECT_EQ(network.link("eth0").alternative_names, std::vector<std::string>{"enp3s0"});
    network.hears_of("address del 192.0.2.10/24 dev eth0");
    network.hears_of("link set eth0 name wan0");
    EXPECT_EQ(network.link("wan0").name, "wan0");
    set_rp_filter("wan0", 0);
    network.hears_of("rp_filter", [] { set_rp_filter("wan0", 1); });
    EXPECT_EQ(network.link("wan0").rp_filter, 1);
    network.hears_of("link del wan0");
    EXPECT_EQ(network.link("wan0").ifindex, 0);
  });
}

}  // namespace
}  // namespace masq::agent
