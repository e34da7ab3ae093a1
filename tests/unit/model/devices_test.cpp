// SPDX-License-Identifier: Apache-2.0
#include "model/devices.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/device_role.hpp"
#include "model/external_address.hpp"
#include "model/node.hpp"
#include "unit/model/nodes.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "eth0=192.0.2.10 eth1=-": each uplink with its IPv4 addresses.
std::string shown(const std::vector<Uplink>& uplinks, Family family = Family::ipv4) {
  std::string text;
  for (const auto& uplink : uplinks) {
    std::string addresses;
    for (const auto& address : family == Family::ipv4 ? uplink.ipv4 : uplink.ipv6)
      addresses += (addresses.empty() ? "" : ",") + address.to_string();
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", uplink.name, addresses.empty() ? "-" : addresses);
  }
  return text;
}

std::vector<std::string> said(const UplinkSelection& selection) {
  return texts(selection.findings);
}

UplinkSelection select(const Node& node, const Config& config = {}) {
  return select_uplinks(config, node, cidrs("10.0.0.0/16 fd00::/104"));
}

TEST(Devices, AreDetected) {
  struct Case {
    std::string what;
    std::vector<Link> links;
    std::vector<Route> routes;
    std::string expected;
  };
  const Case cases[] = {
      {"a physical device with a default route",
       {device("eth0", 2, "192.0.2.10/24")},
       {connected("192.0.2.0/24", 2), by_gateway("0.0.0.0/0", 2)},
       "eth0=192.0.2.10"},
      {"a connected subnet is a route outside",
       {device("eth1", 3, "198.51.100.10/24")},
       {connected("198.51.100.0/24", 3)},
       "eth1=198.51.100.10"},
      {"a static route through a point-to-point tunnel",
       {tunnel("wg0", 4, "wireguard", "192.0.2.77/32")},
       {connected("172.20.0.0/16", 4)},
       "wg0=192.0.2.77"},
      {"no address: its packets are dropped", {device("eth0", 2)}, {by_gateway("0.0.0.0/0", 2)}, "eth0=-"},
      {"no route: not yet", {device("eth0", 2, "192.0.2.10/32")}, {}, ""},
      {"down", {down(device("eth0", 2, "192.0.2.10/24"))}, {by_gateway("0.0.0.0/0", 2)}, ""},
      {"the loopback", {loopback("192.0.2.99/32")}, {connected("192.0.2.0/24", 1)}, ""},
      {"a link-local address alone",
       {device("eth0", 2, "169.254.3.4/16")},
       {connected("169.254.0.0/16", 2), by_gateway("0.0.0.0/0", 2)},
       "eth0=-"},
      {"a route to link-locals alone", {device("eth0", 2, "192.0.2.10/32")}, {connected("169.254.0.0/16", 2)}, ""},
      {"an address of link scope",
       {[] {
         auto link = device("eth0", 2, "192.0.2.10/24");
         link.addresses[0].scope_global = false;
         return link;
       }()},
       {by_gateway("0.0.0.0/0", 2)},
       "eth0=-"},
      {"a route to pods alone", {device("gw0", 5, "10.0.1.1/24")}, {connected("10.0.1.0/24", 5)}, ""},
      {"a subnet wider than the pod CIDRs leads elsewhere too",
       {device("eth0", 2, "10.1.1.1/8")},
       {connected("10.0.0.0/8", 2)},
       "eth0=10.1.1.1"},
      {"a veth with a default route: a node in a container",
       {pair("eth0", 2, "172.18.0.3/16")},
       {connected("172.18.0.0/16", 2), by_gateway("0.0.0.0/0", 2)},
       "eth0=172.18.0.3"},
      {"a veth with a route through a gateway",
       {pair("up0", 2, "192.0.2.10/24")},
       {by_gateway("203.0.113.0/24", 2)},
       "up0=192.0.2.10"},
      {"a veth with a connected subnet: a second network of a node in a container",
       {pair("eth1", 7, "172.19.0.2/28")},
       {connected("172.19.0.0/28", 7)},
       "eth1=172.19.0.2"},
      {"a veth with host routes alone: pods of another pool",
       {pair("pod1", 7)},
       {connected("172.19.0.7/32", 7)},
       ""},
      {"a veth with the name of a container's and a connected subnet",
       {pair("ve-web", 7, "172.19.0.1/28")},
       {connected("172.19.0.0/28", 7)},
       ""},
      {"a pod's end", {pair("cali123", 8, "192.0.2.1/32")}, {by_gateway("0.0.0.0/0", 8)}, ""},
      {"docker0", {bridge("docker0", 9, "172.17.0.1/16")}, {connected("172.17.0.0/16", 9)}, ""},
      {"a bridge of containers",
       {bridge("br-1234", 9, "172.18.0.1/16"), port(pair("veth1", 10), 9, "bridge")},
       {connected("172.18.0.0/16", 9)},
       ""},
      {"a bridge of machines",
       {bridge("br-vm", 9, "198.51.100.1/24"), port(tunnel("tap0", 10, "tun"), 9, "bridge")},
       {connected("198.51.100.0/24", 9)},
       ""},
      {"a bridge with a physical port",
       {bridge("br0", 9, "198.51.100.1/24"), port(device("eth0", 2), 9, "bridge")},
       {connected("198.51.100.0/24", 9)},
       "br0=198.51.100.1"},
      {"a bridge with the default route",
       {bridge("br0", 9, "192.0.2.10/24"), port(pair("vnet0", 10), 9, "bridge")},
       {connected("192.0.2.0/24", 9), by_gateway("0.0.0.0/0", 9)},
       "br0=192.0.2.10"},
      {"ports of a bond are not, the bond is",
       {device("bond0", 4, "192.0.2.10/24"), port(device("eth0", 2, "192.0.2.11/24"), 4, "bond"),
        port(device("eth1", 3), 4, "bond")},
       {by_gateway("0.0.0.0/0", 4), by_gateway("0.0.0.0/0", 2)},
       "bond0=192.0.2.10"},
      {"a member of a VRF has its own addresses",
       {port(device("eth0", 2, "192.0.2.10/24"), 9, "vrf")},
       {connected("192.0.2.0/24", 2)},
       "eth0=192.0.2.10"},
      {"a VLAN",
       {device("eth0", 2), tunnel("eth0.100", 3, "vlan", "192.0.2.10/24")},
       {by_gateway("0.0.0.0/0", 3)},
       "eth0.100=192.0.2.10"},
      {"kube-ipvs0", {tunnel("kube-ipvs0", 6, "dummy", "198.51.100.7/32")}, {connected("198.51.100.0/24", 6)}, ""},
      {"a CNI's overlay",
       {tunnel("flannel.1", 6, "vxlan", "10.244.0.0/32"), tunnel("cilium_vxlan", 7, "vxlan", "192.0.2.3/32")},
       {by_gateway("10.244.1.0/24", 6), by_gateway("10.245.1.0/24", 7)},
       ""},
      {"a bridge of pods with a route beyond: a container is the gateway to a VPN",
       {bridge("br-1234", 9, "10.0.1.1/24"), port(pair("veth1", 10), 9, "bridge")},
       {connected("10.0.1.0/24", 9), by_gateway("10.13.13.0/24", 9, {.gateway = "10.0.1.7"_ip})},
       ""},
      {"a bridge of pods whose default route in another table is a pod",
       {bridge("br-1234", 9, "10.0.1.1/24"), port(pair("veth1", 10), 9, "bridge")},
       {connected("10.0.1.0/24", 9), by_gateway("0.0.0.0/0", 9, {.table = 100, .gateway = "10.0.1.7"_ip})},
       ""},
      {"a VPN server's tunnel to clients that routes a site",
       {tunnel("wg0", 4, "wireguard", "10.0.8.1/24")},
       {connected("10.0.8.0/24", 4), connected("192.168.50.0/24", 4)},
       ""},
      {"a join network of a CNI",
       {tunnel("ovn-join", 4, "openvswitch", "10.0.1.2/24")},
       {connected("10.0.1.0/24", 4), by_gateway("10.0.0.0/16", 4, {.gateway = "10.0.1.1"_ip}),
        by_gateway("172.30.0.0/16", 4, {.gateway = "10.0.1.1"_ip})},
       ""},
      {"pods and the card on one bridge",
       {bridge("br0", 9, "192.0.2.10/24 10.0.1.1/24"), port(pair("veth1", 10), 9, "bridge"),
        port(device("eth0", 2), 9, "bridge")},
       {connected("192.0.2.0/24", 9), connected("10.0.1.0/24", 9),
        by_gateway("0.0.0.0/0", 9, {.gateway = "192.0.2.1"_ip})},
       "br0=192.0.2.10"},
      {"a subnet that the node shares with its pods",
       {device("eth0", 2, "10.0.0.5/16"), pair("eni1", 3)},
       {connected("10.0.0.0/16", 2), by_gateway("0.0.0.0/0", 2, {.gateway = "10.0.0.1"_ip}),
        connected("10.0.7.7/32", 3)},
       "eth0=10.0.0.5"},
      {"a pod's own device never is",
       {pair("eni1", 3)},
       {connected("10.0.7.7/32", 3), by_gateway("0.0.0.0/0", 3, {.table = 7, .gateway = "10.0.7.7"_ip})},
       ""},
      {"a default route in another table",
       {tunnel("wg0", 4, "wireguard", "198.51.100.7/32")},
       {[] {
         auto route = connected("0.0.0.0/0", 4);
         route.table = 51820;
         return route;
       }()},
       "wg0=198.51.100.7"},
      {"halves of a default route",
       {tunnel("tun0", 4, "tun", "10.0.8.6/24")},
       {connected("10.0.8.0/24", 4), by_gateway("0.0.0.0/1", 4, {.gateway = "10.0.8.1"_ip}),
        by_gateway("128.0.0.0/1", 4, {.gateway = "10.0.8.1"_ip})},
       "tun0=10.0.8.6"},
      {"an unnumbered device borrows the loopback's address",
       {loopback("127.0.0.1/8 192.0.2.77/32"), device("up1", 2, "fe80::a/64"), bridge("cni0", 3, "10.0.1.1/24")},
       {by_gateway("0.0.0.0/0", 2, {.gateway = "fe80::b"_ip})},
       "up1=192.0.2.77"},
      {"an unnumbered device never borrows a pod network's address",
       {bridge("cni0", 2, "10.0.1.1/24"), device("up1", 3)},
       {by_gateway("0.0.0.0/0", 3)},
       "up1=-"},
      {"several, sorted by name",
       {device("eth1", 2, "198.51.100.10/24"), device("eth0", 3, "192.0.2.10/24")},
       {by_gateway("0.0.0.0/0", 2), by_gateway("0.0.0.0/0", 3)},
       "eth0=192.0.2.10 eth1=198.51.100.10"},
      {"each next hop of a multipath route",
       {device("eth0", 2, "192.0.2.10/24"), device("eth1", 3, "198.51.100.10/24")},
       {by_gateway("0.0.0.0/0", 2), by_gateway("0.0.0.0/0", 3)},
       "eth0=192.0.2.10 eth1=198.51.100.10"},
      {"a tentative address: an uplink without one to use",
       {[] {
         auto link = device("eth0", 2, "2001:db8::10/64");
         link.addresses[0].tentative = true;
         return link;
       }()},
       {by_gateway("::/0", 2)},
       "eth0=-"},
  };
  for (const auto& [what, links, routes, expected] : cases)
    EXPECT_EQ(shown(select(Node{.links = links, .routes = routes}).uplinks), expected) << what;
}

TEST(Devices, AFamilyThatIsOffMakesNoUplink) {
  const Node node{.links = {device("eth0", 2, "2001:db8::10/64")}, .routes = {by_gateway("::/0", 2)}};
  EXPECT_EQ(shown(select(node).uplinks, Family::ipv6), "eth0=2001:db8::10");
  EXPECT_EQ(shown(select(node, {.enable_ipv6_masquerade = false}).uplinks), "");
}

TEST(Devices, PatternsMatchAsInIptables) {
  EXPECT_TRUE(matches_device("eth0", "eth0"));
  EXPECT_FALSE(matches_device("eth0", "eth01"));
  EXPECT_TRUE(matches_device("eth+", "eth0.100"));
  EXPECT_TRUE(matches_device("eth+", "eth"));
  EXPECT_FALSE(matches_device("eth+", "veth0"));
  EXPECT_TRUE(matches_device("+", "wlan0"));
  EXPECT_FALSE(matches_device("e*", "eth0"));
}

TEST(Devices, ThatAreNamedAreTaken) {
  struct Case {
    std::string what;
    std::vector<std::string> devices;
    std::string expected;
    std::vector<std::string> notes;
  };
  const Case cases[] = {
      {"a name", {"eth1"}, "eth1=198.51.100.10", {}},
      {"a pattern without ports",
       {"eth+"},
       "eth0=192.0.2.10 eth1=198.51.100.10",
       {"devices: eth+: eth2 is skipped: it is a port of another device"}},
      {"a port by its name", {"eth2"}, "eth2=-", {}},
      {"down and without a route: it may come up", {"wlan0"}, "wlan0=203.0.113.10", {}},
      {"named twice",
       {"eth0", "eth0", "et+"},
       "eth0=192.0.2.10 eth1=198.51.100.10",
       {"devices: et+: eth2 is skipped: it is a port of another device"}},
      {"an alternative name", {"enp3s0f0np0-long-name"}, "eth1=198.51.100.10", {}},
      {"a pattern over alternative names", {"enp3+"}, "eth1=198.51.100.10", {}},
      {"not there", {"eth0", "eth9"}, "eth0=192.0.2.10", {"devices: eth9: no such device"}},
      {"no match", {"ens+"}, "", {"devices: ens+: no such device"}},
      {"the loopback", {"lo"}, "", {"devices: lo: lo is skipped: it is the loopback"}},
  };
  Node node{
      .links = {loopback("127.0.0.1/8"), device("eth0", 2, "192.0.2.10/24"), device("eth1", 3, "198.51.100.10/24"),
                port(device("eth2", 4), 9, "bond"), down(device("wlan0", 5, "203.0.113.10/24"))},
      .routes = {by_gateway("0.0.0.0/0", 2)}};
  node.links[2].alternative_names = {"enp3s0f0np0-long-name"};
  for (const auto& [what, devices, expected, notes] : cases) {
    const auto selection = select(node, {.devices = devices});
    EXPECT_EQ(shown(selection.uplinks), expected) << what;
    EXPECT_EQ(said(selection), notes) << what;
  }
}

TEST(Devices, CarryWhetherTheyHaveAnEthernetHeader) {
  const Node node{.links = {device("eth0", 2, "192.0.2.10/24"), tunnel("tun0", 3, "tun", "198.51.100.1/30")},
                  .routes = {by_gateway("0.0.0.0/0", 2), connected("198.51.100.0/30", 3)}};
  const auto uplinks = select(node).uplinks;
  ASSERT_EQ(uplinks.size(), 2U);
  EXPECT_TRUE(uplinks[0].ethernet);
  EXPECT_FALSE(uplinks[1].ethernet);
  EXPECT_EQ(uplinks[1].ifindex, 3);
}

TEST(Devices, SayWhatIsMissing) {
  EXPECT_THAT(said(select(Node{})),
              ElementsAre("no uplink found: nothing is masqueraded; set devices, or wait for a route"));
  auto tentative = device("eth0", 2, "192.0.2.10/24 2001:db8::10/64");
  tentative.addresses[1].tentative = true;
  const Node node{.links = {tentative}, .routes = {by_gateway("0.0.0.0/0", 2), by_gateway("::/0", 2)}};
  EXPECT_THAT(said(select(node)), ElementsAre("eth0: no usable IPv6 address: packets from pods are dropped"));
  EXPECT_THAT(said(select(node, {.enable_ipv6_masquerade = false})), IsEmpty());
}

TEST(Devices, MasqueradeAddressIsAPoolOfLocalAddresses) {
  auto eth0 = device("eth0", 2, "192.0.2.10/24 2001:db8::10/64");
  const Node node{.links = {loopback("203.0.113.1/32 203.0.113.2/32"), eth0},
                  .routes = {by_gateway("0.0.0.0/0", 2), by_gateway("::/0", 2)}};
  const auto pool = select(node, {.masquerade_address = {"203.0.113.2"_ip, "203.0.113.1"_ip}});
  EXPECT_EQ(shown(pool.uplinks), "eth0=203.0.113.2,203.0.113.1");
  EXPECT_EQ(shown(pool.uplinks, Family::ipv6), "eth0=2001:db8::10") << "the other family's choice stays";
  EXPECT_THAT(said(select(node, {.masquerade_address = {"203.0.113.3"_ip}})),
              testing::Contains("masquerade-address: 203.0.113.3 is not an address of this node"));
}

TEST(Devices, ATentativeAddressOfThePoolWaits) {
  auto eth0 = device("eth0", 2, "192.0.2.10/24 192.0.2.11/24");
  eth0.addresses[1].tentative = true;
  const Node node{.links = {eth0}, .routes = {by_gateway("0.0.0.0/0", 2)}};
  const auto selection = select(node, {.masquerade_address = {"192.0.2.11"_ip}});
  EXPECT_EQ(shown(selection.uplinks), "eth0=-") << "never another address than those named";
  EXPECT_THAT(said(selection), ElementsAre("masquerade-address: 192.0.2.11 is tentative and not used yet",
                                           "eth0: no usable IPv4 address: packets from pods are dropped"));
}

TEST(ExternalAddress, IsTheOneThatTheKernelWouldTake) {
  struct Case {
    std::string what;
    std::string addresses;
    std::function<void(Link&)> change;
    std::vector<Route> routes;
    std::string expected;  // empty: none
  };
  const auto nothing = [](Link&) {};
  const auto secondary = [](std::size_t i) { return [i](Link& link) { link.addresses[i].secondary = true; }; };
  const auto deprecated = [](std::size_t i) { return [i](Link& link) { link.addresses[i].deprecated = true; }; };
  const Case cases[] = {
      {"the first", "192.0.2.20/24 192.0.2.10/24", nothing, {by_gateway("0.0.0.0/0", 2)}, "192.0.2.20"},
      {"not the numerically smaller", "198.51.100.1/24 10.9.0.1/24", nothing, {}, "198.51.100.1"},
      {"not a secondary", "192.0.2.20/24 198.51.100.10/24", secondary(0), {}, "198.51.100.10"},
      {"a secondary before none", "192.0.2.20/24", secondary(0), {}, "192.0.2.20"},
      {"not a deprecated", "192.0.2.20/24 192.0.2.10/24", deprecated(0), {}, "192.0.2.10"},
      {"a deprecated before none", "192.0.2.20/24", deprecated(0), {}, "192.0.2.20"},
      {"never a link-local", "169.254.1.1/16 192.0.2.10/24", nothing, {}, "192.0.2.10"},
      {"the preferred source",
       "192.0.2.20/24 192.0.2.10/24",
       secondary(1),
       {by_gateway("0.0.0.0/0", 2, {.preferred_source = "192.0.2.10"_ip})},
       "192.0.2.10"},
      {"the preferred source of the best route",
       "192.0.2.20/24 192.0.2.10/24",
       nothing,
       {by_gateway("0.0.0.0/0", 2, {.metric = 200, .preferred_source = "192.0.2.20"_ip}),
        by_gateway("0.0.0.0/0", 2, {.metric = 100, .preferred_source = "192.0.2.10"_ip})},
       "192.0.2.10"},
      {"not that of another device's route",
       "192.0.2.20/24 192.0.2.10/24",
       nothing,
       {by_gateway("0.0.0.0/0", 3, {.preferred_source = "192.0.2.10"_ip})},
       "192.0.2.20"},
      {"not that of another route",
       "192.0.2.20/24 192.0.2.10/24",
       nothing,
       {by_gateway("198.51.100.0/24", 2, {.preferred_source = "192.0.2.10"_ip})},
       "192.0.2.20"},
      {"the preferred source of half a default route",
       "192.0.2.20/24 192.0.2.10/24",
       nothing,
       {by_gateway("0.0.0.0/1", 2, {.preferred_source = "192.0.2.10"_ip}),
        by_gateway("128.0.0.0/1", 2, {.preferred_source = "192.0.2.10"_ip})},
       "192.0.2.10"},
      {"the preferred source of the first table's route",
       "192.0.2.20/24 192.0.2.10/24",
       nothing,
       {by_gateway("0.0.0.0/0", 2, {.table = 100, .table_rank = 1, .preferred_source = "192.0.2.20"_ip}),
        by_gateway("0.0.0.0/0", 2, {.metric = 100, .preferred_source = "192.0.2.10"_ip})},
       "192.0.2.10"},
      {"a preferred source that is gone",
       "192.0.2.20/24",
       nothing,
       {by_gateway("0.0.0.0/0", 2, {.preferred_source = "192.0.2.99"_ip})},
       "192.0.2.20"},
      {"a preferred source on the loopback",
       "192.0.2.20/24",
       nothing,
       {by_gateway("0.0.0.0/0", 2, {.preferred_source = "203.0.113.1"_ip})},
       "203.0.113.1"},
      {"the subnet of the gateway",
       "10.9.0.5/24 192.0.2.10/24",
       nothing,
       {by_gateway("0.0.0.0/0", 2, {.gateway = "192.0.2.1"_ip})},
       "192.0.2.10"},
      {"a primary before the gateway's subnet",
       "10.9.0.5/24 192.0.2.10/24",
       secondary(1),
       {by_gateway("0.0.0.0/0", 2, {.gateway = "192.0.2.1"_ip})},
       "10.9.0.5"},
      {"IPv6: the first", "2001:db8::20/64 2001:db8::10/64", nothing, {}, "2001:db8::20"},
      {"IPv6: never a link-local", "fe80::1/64", nothing, {by_gateway("::/0", 2)}, "2001:db8:99::1"},
      {"IPv6: not a temporary", "2001:db8::20/64 2001:db8::10/64", secondary(0), {}, "2001:db8::10"},
      {"IPv6: global before unique local", "fd12::5/64 2001:db8::10/64", nothing, {}, "2001:db8::10"},
      {"IPv6: another device's before a deprecated",
       "2001:db8::20/64",
       deprecated(0),
       {by_gateway("::/0", 2)},
       "2001:db8:99::1"},
      {"IPv6: a deprecated before another device's where no route is",
       "2001:db8::20/64",
       deprecated(0),
       {},
       "2001:db8::20"},
      {"IPv6: unique local before none", "fd12::5/64", nothing, {}, "fd12::5"},
      {"IPv6: a global temporary before unique local", "2001:db8::10/64 fd12::5/64", secondary(0), {}, "2001:db8::10"},
      {"IPv6: a temporary where the system prefers them",
       "2001:db8::20/64 2001:db8::10/64",
       [](Link& link) {
         link.addresses[1].secondary = true;
         link.prefers_temporary = true;
       },
       {},
       "2001:db8::10"},
  };
  for (const auto& [what, addresses, change, routes, expected] : cases) {
    Node node{.links = {loopback("203.0.113.1/32 2001:db8:99::1/128"), device("eth0", 2, addresses)}, .routes = routes};
    change(node.links[1]);
    const auto family = addresses.find(':') == addresses.npos ? Family::ipv4 : Family::ipv6;
    const auto address =
        external_address(node.links[1], family, node, DeviceRoles(node, {}).routes_of(node.links[1]), {});
    EXPECT_EQ(address ? address->to_string() : "", expected) << what;
  }
}

}  // namespace
}  // namespace masq
