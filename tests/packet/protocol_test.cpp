// SPDX-License-Identifier: Apache-2.0
// Every protocol from 0 to 255, and the shapes that IP headers have: the list in docs/behaviour.md; the hard
// cases R85, R86 and R87.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "engine.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

class Protocols : public BothFamilies {
 protected:
  Engine engine{desired()};
  const bool is_ipv4 = who.family == Family::ipv4;

  void expect_masqueraded(const Packet& packet) {
    auto expected = packet;
    expected.from.address = who.external;
    const auto outcome = engine.egress(packet, {.checksum_complete = true});
    EXPECT_EQ(outcome.reason, "translated");
    EXPECT_PACKET(expected, outcome);
  }
  void expect_back(const Packet& answer, const Address& pod) {
    auto expected = answer;
    expected.to.address = pod;
    const auto outcome = engine.ingress(answer, {.checksum_complete = true});
    EXPECT_EQ(outcome.reason, "translated");
    EXPECT_PACKET(expected, outcome);
  }
};
MASQ_BOTH_FAMILIES(Protocols);

Bytes sctp_chunk(std::uint8_t from, std::uint8_t to, std::uint8_t chunk) {
  Bytes bytes{0x20, from, 0x20, to, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef, chunk, 0, 0, 20};
  bytes.resize(32);
  return bytes;
}

Bytes gre(std::uint32_t key) {
  Bytes bytes{0x20, 0, 0x08, 0};
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(key >> shift));
  bytes.resize(40);
  return bytes;
}

Bytes spi(std::uint32_t value, std::size_t at) {
  auto bytes = pattern(64);
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  return bytes;
}

TEST_P(Protocols, WithoutPortsAreTranslatedByAddress) {
  const std::set<int> ports = {IPPROTO_TCP,  IPPROTO_UDP,  IPPROTO_UDPLITE,
                               IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_GRE,
                               IPPROTO_ESP,  IPPROTO_AH,   is_ipv4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6}};
  const std::set<int> headers = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS};
  for (int protocol = 0; protocol < 256; ++protocol) {
    if (ports.contains(protocol) || (!is_ipv4 && headers.contains(protocol))) continue;
    SCOPED_TRACE(protocol);
    const auto number = static_cast<std::uint8_t>(protocol);
    expect_masqueraded(other(who.pod, who.world, number, pattern(32)));
    expect_back(other(who.world, who.external, number, pattern(24)), who.pod);
    EXPECT_EQ(engine.egress(other(who.pod2, who.world, number, pattern(32))).reason, "no_free_port");
    EXPECT_EQ(engine.egress(other(who.pod, who.excluded, number, pattern(32))).reason, "ip_masq_agent");
  }
}

TEST_P(Protocols, UdpLiteHasItsPortMapped) {
  const auto lite = [](const Endpoint& from, const Endpoint& to) {
    auto p = udp(from, to);
    p.protocol = IPPROTO_UDPLITE;  // RFC 3828: the length field says how much is covered, here all
    return p;
  };
  expect_masqueraded(lite({who.pod, 5000}, {who.world, 53}));
  EXPECT_EQ(engine.ingress(lite({who.world, 53}, {who.external, 5000})).reason, "translated");
  EXPECT_EQ(engine.egress(lite({who.pod2, 5000}, {who.world, 53})).reason, "translated");
}

TEST_P(Protocols, SctpKeepsItsPortAndChecksum) {
  expect_masqueraded(other(who.pod, who.world, IPPROTO_SCTP, sctp_chunk(1, 9, 1)));
  expect_back(other(who.world, who.external, IPPROTO_SCTP, sctp_chunk(9, 1, 2)), who.pod);
  EXPECT_EQ(engine.egress(other(who.pod2, who.world, IPPROTO_SCTP, sctp_chunk(1, 9, 1))).reason, "no_free_port");
  expect_masqueraded(other(who.pod2, who.world, IPPROTO_SCTP, sctp_chunk(2, 9, 1)));
}

TEST_P(Protocols, SctpRepliesAndEndsCreateNoMapping) {
  for (const std::uint8_t chunk : {2, 6, 8, 14})
    EXPECT_EQ(engine.egress(other(who.pod, who.world, IPPROTO_SCTP, sctp_chunk(1, 9, chunk))).reason, "no_mapping");
  EXPECT_EQ(engine.control(who.family).used, 0u);
}

TEST_P(Protocols, GreIsDistinguishedByItsKey) {
  expect_masqueraded(other(who.pod, who.world, IPPROTO_GRE, gre(100)));
  expect_masqueraded(other(who.pod2, who.world, IPPROTO_GRE, gre(200)));
  expect_back(other(who.world, who.external, IPPROTO_GRE, gre(100)), who.pod);
  expect_back(other(who.world, who.external, IPPROTO_GRE, gre(200)), who.pod2);
  // Another key than any that was sent: the first pod's.
  expect_back(other(who.world, who.external, IPPROTO_GRE, gre(300)), who.pod);
  // Without a key there is one.
  EXPECT_EQ(engine.egress(other(who.pod2, who.world, IPPROTO_GRE, Bytes(24))).reason, "no_free_port");
}

TEST_P(Protocols, EspAndAhAreDistinguishedByTheirSpi) {
  for (const auto& [protocol, at] : {std::pair{IPPROTO_ESP, 0u}, std::pair{IPPROTO_AH, 4u}}) {
    const auto number = static_cast<std::uint8_t>(protocol);
    expect_masqueraded(other(who.pod, who.world, number, spi(100, at)));
    expect_masqueraded(other(who.pod2, who.world, number, spi(200, at)));
    expect_back(other(who.world, who.external, number, spi(100, at)), who.pod);
    expect_back(other(who.world, who.external, number, spi(200, at)), who.pod2);
    expect_back(other(who.world, who.external, number, spi(300, at)), who.pod);
  }
}

TEST_P(Protocols, WithTooShortHeadersAreMalformed) {
  const std::pair<int, std::size_t> least[] = {{IPPROTO_SCTP, 16}, {IPPROTO_DCCP, 12}, {IPPROTO_GRE, 4},
                                               {IPPROTO_ESP, 8},   {IPPROTO_AH, 12},   {IPPROTO_UDPLITE, 8}};
  for (const auto& [protocol, size] : least)
    for (std::size_t has = 0; has < size; ++has)
      EXPECT_EQ(engine.egress(other(who.pod, who.world, static_cast<std::uint8_t>(protocol), pattern(has))).reason,
                "malformed")
          << protocol << " with " << has;
  EXPECT_EQ(engine.control(who.family).used, 0u);
}

// What an IPv4 or IPv6 packet of a pod may say wrongly, by the octet that says it.
struct Lie {
  const char* what;
  std::size_t at;
  std::uint8_t value;
};

TEST_P(Protocols, ContradictoryHeadersCreateNoMapping) {
  const std::size_t l4 = is_ipv4 ? 20 : 40;
  std::vector<Lie> lies = {{"version", 0, is_ipv4 ? std::uint8_t{0x55} : std::uint8_t{0x50}},
                           {"length beyond the packet", is_ipv4 ? 2u : 4u, 0x10},
                           {"TTL 0", is_ipv4 ? 8u : 7u, 0},
                           {"TCP header below 20", l4 + 12, 0x40},
                           {"TCP header beyond the segment", l4 + 12, 0xf0}};
  if (is_ipv4) {
    lies.push_back({"IP header below 20", 0, 0x44});
    lies.push_back({"IP header beyond the packet", 0, 0x4f});
    lies.push_back({"length below the header", 3, 19});
    lies.push_back({"length 0", 3, 0});
  }
  for (const auto& lie : lies) {
    auto frame = tcp({who.pod, 5000}, {who.world, 443}, syn).frame();
    frame[14 + lie.at] = lie.value;
    const auto outcome = engine.egress_bytes(frame, who.family);
    EXPECT_EQ(outcome.reason, "malformed") << lie.what;
    EXPECT_EQ(outcome.verdict, drop) << lie.what;
    auto inbound = tcp({who.world, 443}, {who.external, 5000}, ack).frame();
    inbound[14 + lie.at] = lie.value;
    EXPECT_EQ(engine.ingress_bytes(inbound, who.family).reason, "unrelated") << lie.what;
    EXPECT_BYTES(inbound, engine.ingress_bytes(inbound, who.family)) << lie.what;
  }
  for (const std::uint8_t length : {0, 7, 200}) {
    auto frame = udp({who.pod, 5000}, {who.world, 53}).frame();
    frame[14 + l4 + 5] = length;
    EXPECT_EQ(engine.egress_bytes(frame, who.family).reason, "malformed") << "UDP length " << int{length};
  }
  EXPECT_EQ(engine.control(who.family).used, 0u);
}

TEST_P(Protocols, InvalidDestinationsCreateNoMapping) {
  const std::vector<const char*> destinations4 = {"0.0.0.0", "0.1.2.3", "127.0.0.1"}, destinations6 = {"::", "::1"};
  for (const auto* text : is_ipv4 ? destinations4 : destinations6)
    EXPECT_EQ(engine.egress(udp({who.pod, 5000}, {address(text), 53})).reason, "malformed") << text;
  EXPECT_EQ(engine.egress(tcp({who.pod, 80}, {who.pod, 80}, syn)).reason, "pod_cidr");  // LAND
  EXPECT_EQ(engine.control(who.family).used + engine.control(who.family).left, 0u);
}

TEST_P(Protocols, InFramesWithVlanTagsAreTranslated) {
  for (int tags = 1; tags <= 2; ++tags) {
    const auto tagged = [&](Bytes frame) {
      for (int tag = 0; tag < tags; ++tag) frame.insert(frame.begin() + 12, {0x81, 0x00, 0x00, 0x64});
      return frame;
    };
    const auto out = tagged(tcp({who.pod, 5000}, {who.world, 443}, syn).frame());
    EXPECT_BYTES(tagged(tcp({who.external, 5000}, {who.world, 443}, syn).frame()),
                 engine.egress_bytes(out, who.family));
    const auto back = tagged(tcp({who.world, 443}, {who.external, 5000}, syn | ack).frame());
    EXPECT_BYTES(tagged(tcp({who.world, 443}, {who.pod, 5000}, syn | ack).frame()),
                 engine.ingress_bytes(back, who.family));
  }
}

// Extension headers of IPv6, each of 8 or 16 octets, in every order of three, and six in a row.
const Extension extensions[] = {
    {IPPROTO_HOPOPTS, {0, 0, 1, 4, 0, 0, 0, 0}},
    {IPPROTO_DSTOPTS, {0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {IPPROTO_ROUTING, {0, 0, 2, 0, 0, 0, 0, 0}},
    {IPPROTO_FRAGMENT, {0, 0, 0, 0, 1, 2, 3, 4}},
};

class ExtensionHeaders : public testing::Test {
 protected:
  Engine engine{desired()};
  const Cast who = cast(Family::ipv6);
  void expect_both_ways(const std::vector<Extension>& chain) {
    for (const auto make : {+[](const Endpoint& a, const Endpoint& b) { return tcp(a, b, syn); }, &udp}) {
      auto out = make({who.pod, 5000}, {who.world, 443}), left = make({who.external, 5000}, {who.world, 443});
      auto answer = make({who.world, 443}, {who.external, 5000}), back = make({who.world, 443}, {who.pod, 5000});
      for (auto* packet : {&out, &left, &answer, &back}) packet->extensions = chain;
      EXPECT_PACKET(left, engine.egress(out, {.checksum_complete = true}));
      EXPECT_PACKET(back, engine.ingress(answer, {.checksum_complete = true}));
    }
  }
};

TEST_F(ExtensionHeaders, EveryThreeInEveryOrder) {
  for (const auto& a : extensions)
    for (const auto& b : extensions)
      for (const auto& c : extensions) expect_both_ways({a, b, c});
}

TEST_F(ExtensionHeaders, SixAndEightInARow) {
  const auto& [hop, destination, routing, fragment] = extensions;
  expect_both_ways({hop, destination, routing, fragment, destination, destination});
  expect_both_ways({hop, destination, destination, destination, routing, destination, destination, destination});
}

TEST_F(ExtensionHeaders, MoreThanEightAreMalformed) {
  auto packet = udp({who.pod, 5000}, {who.world, 53});
  packet.extensions.assign(9, extensions[1]);
  EXPECT_EQ(engine.egress(packet).reason, "malformed");
}

TEST_F(ExtensionHeaders, TruncatedOnesAreMalformed) {
  auto packet = udp({who.pod, 5000}, {who.world, 53});
  packet.extensions = {extensions[0], extensions[1]};
  packet.extensions[1].octets[1] = 200;
  EXPECT_EQ(engine.egress(packet).reason, "malformed");
}

TEST_F(ExtensionHeaders, BeforeAPingArePassedOver) {
  auto ping = echo_request(who.pod, who.world, 77), expected = echo_request(who.external, who.world, 77);
  ping.extensions = expected.extensions = {extensions[1]};
  EXPECT_PACKET(expected, engine.egress(ping));
}

TEST_F(ExtensionHeaders, NeighbourDiscoveryPassesUnchanged) {
  auto solicitation = echo_request(who.pod, who.world, 0);
  for (const std::uint8_t type : {133, 134, 135, 136, 137}) {
    solicitation.icmp_type = type;
    auto frame = solicitation.frame();
    frame[14 + 7] = 255;
    EXPECT_EQ(engine.egress_bytes(frame, Family::ipv6).reason, "neighbour_discovery");
    EXPECT_EQ(engine.egress(solicitation).reason, "unsupported_protocol");  // forwarded: none (RFC 4861 6.1.1)
  }
}

}  // namespace
}  // namespace masq::bpf::test
