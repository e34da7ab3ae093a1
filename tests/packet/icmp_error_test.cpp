// SPDX-License-Identifier: Apache-2.0
// ICMP errors, to the byte: RFC 5508 4, RFC 4884; the hard cases R80, R81 and R82.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/address.hpp"
#include "engine.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

constexpr RunContext complete{.checksum_complete = true};

// One connection of the second pod, whose own port or identifier the first pod has already: so everything changes.
struct Connection {
  const char* name;
  Packet out;   // as the pod sends it
  Packet back;  // as the world answers to `out` as it left
};

class IcmpErrors : public BothFamilies {
 protected:
  Engine engine{desired()};
  const bool is_ipv4 = who.family == Family::ipv4;
  const Address router = address(is_ipv4 ? "198.18.7.1" : "2001:db8:7::1");

  std::vector<std::uint8_t> types() const {
    if (is_ipv4) return {3, 4, 11, 12};
    return {1, 2, 3, 4};
  }

  // The packet as it leaves the uplink.
  Bytes sent(const Packet& packet) {
    const auto outcome = engine.egress(packet);
    EXPECT_EQ(outcome.reason, "translated");
    return Bytes(outcome.bytes.begin() + 14, outcome.bytes.end());
  }
  Bytes received(const Packet& packet) {
    const auto outcome = engine.ingress(packet);
    EXPECT_EQ(outcome.reason, "translated");
    return Bytes(outcome.bytes.begin() + 14, outcome.bytes.end());
  }

  std::uint16_t port_in(const Bytes& ip, std::size_t at) const {
    at += is_ipv4 ? 20 : 40;
    return static_cast<std::uint16_t>(ip[at] << 8 | ip[at + 1]);
  }

  std::vector<Connection> connections() {
    std::vector<Connection> all;
    const auto add = [&](const char* name, const Packet& first, Packet out) {
      sent(first);
      all.push_back({name, out, {}});
      return sent(out);
    };
    const auto tcp_port = port_in(
        add("tcp", tcp({who.pod, 5000}, {who.world, 443}, syn), tcp({who.pod2, 5000}, {who.world, 443}, syn)), 0);
    all.back().back = tcp({who.world, 443}, {who.external, tcp_port}, syn | ack);
    const auto udp_port =
        port_in(add("udp", udp({who.pod, 5000}, {who.world, 53}), udp({who.pod2, 5000}, {who.world, 53})), 0);
    all.back().back = udp({who.world, 53}, {who.external, udp_port});
    const auto id =
        port_in(add("icmp", echo_request(who.pod, who.world, 77), echo_request(who.pod2, who.world, 77)), 4);
    all.back().back = echo_reply(who.world, who.external, id);
    const auto sctp = [](const Address& a, const Address& b, std::uint8_t from, std::uint8_t to) {
      Bytes chunk{0x20, from, 0x20, to, 0, 0, 0, 0, 1, 2, 3, 4, 1, 0, 0, 20};
      chunk.resize(32);
      return other(a, b, IPPROTO_SCTP, chunk);
    };
    add("sctp", sctp(who.pod, who.world, 1, 9), sctp(who.pod2, who.world, 2, 9));
    all.back().back = sctp(who.world, who.external, 9, 2);
    return all;
  }

  // What a quote is cut to: all of it, and ever less, down to 8 octets behind the IP header.
  std::vector<std::size_t> cuts() const {
    const std::size_t header = is_ipv4 ? 20 : 40;
    return {1500, header + 28, header + 20, header + 19, header + 18, header + 16, header + 12, header + 8};
  }
};
MASQ_BOTH_FAMILIES(IcmpErrors);

TEST_P(IcmpErrors, FromOutsideQuoteThePodsOwnPacket) {
  for (const auto& connection : connections())
    for (const auto type : types())
      for (const auto size : cuts()) {
        const auto in = icmp_error(router, who.external, type, cut(sent(connection.out), size));
        const auto expected = icmp_error(router, who.pod2, type, cut(connection.out.ip(), size));
        const auto outcome = engine.ingress(in, complete);
        EXPECT_EQ(outcome.reason, "translated") << connection.name << " type " << int{type} << " cut to " << size;
        EXPECT_PACKET(expected, outcome) << connection.name << " type " << int{type} << " cut to " << size;
      }
}

TEST_P(IcmpErrors, FromAPodQuoteTheWorldsPacketAndHaveTheNodesAddress) {
  for (const auto& connection : connections())
    for (const auto type : types())
      for (const auto size : cuts()) {
        const auto out = icmp_error(who.pod2, who.world, type, cut(received(connection.back), size));
        const auto expected = icmp_error(who.external, who.world, type, cut(connection.back.ip(), size));
        const auto outcome = engine.egress(out, complete);
        EXPECT_EQ(outcome.reason, "translated") << connection.name << " type " << int{type} << " cut to " << size;
        EXPECT_PACKET(expected, outcome) << connection.name << " type " << int{type} << " cut to " << size;
      }
}

TEST_P(IcmpErrors, OfTheNodeAboutAPacketToAPodHideThePod) {
  for (const auto& connection : connections())
    for (const auto type : types()) {
      const auto out = icmp_error(who.own, who.world, type, received(connection.back));
      EXPECT_PACKET(icmp_error(who.own, who.world, type, connection.back.ip()), engine.egress(out, complete))
          << connection.name;
    }
}

TEST_P(IcmpErrors, MayHavePaddingInTheFrame) {
  const auto padded = [](Bytes frame) {
    frame.resize(frame.size() + 24, 0xaa);
    return frame;
  };
  const auto packet = tcp({who.pod, 5000}, {who.world, 443}, syn);
  const auto size = (is_ipv4 ? 20u : 40u) + 8;
  const auto in = icmp_error(router, who.external, 3, cut(sent(packet), size));
  EXPECT_BYTES(padded(icmp_error(router, who.pod, 3, cut(packet.ip(), size)).frame()),
               engine.ingress_bytes(padded(in.frame()), who.family));
}

TEST_P(IcmpErrors, MayHaveExtensionsBehindTheQuote) {  // RFC 4884: extensions behind 128 octets
  auto packet = udp({who.pod, 5000}, {who.world, 53});
  packet.payload = std::string(200, 'x');
  auto quote = cut(sent(packet), 128), expected = cut(packet.ip(), 128);
  for (auto* bytes : {&quote, &expected})
    bytes->insert(bytes->end(), {0x20, 0, 0xdf, 0xff, 0, 8, 1, 1, 0, 0, 0x10, 0x01});
  EXPECT_PACKET(icmp_error(router, who.pod, 3, expected),
                engine.ingress(icmp_error(router, who.external, 3, quote), complete));
}

TEST(IcmpErrorsIPv4, MayQuoteAHeaderWithOptions) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv4);
  for (int words = 0; words <= 10; ++words) {
    auto packet = tcp({who.pod, 5000}, {who.world, 443}, syn);
    packet.ip_option_words = words;
    const auto left = engine.egress(packet).bytes;
    const auto in = icmp_error(who.world, who.external, 3, Bytes(left.begin() + 14, left.end()));
    EXPECT_PACKET(icmp_error(who.world, who.pod, 3, packet.ip()), engine.ingress(in)) << words;
  }
}

TEST(IcmpErrorsIPv6, MayQuoteExtensionHeaders) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv6);
  auto packet = udp({who.pod, 5000}, {who.world, 53});
  packet.extensions = {{IPPROTO_HOPOPTS, Bytes(8)},
                       {IPPROTO_DSTOPTS, {0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}};
  const auto left = engine.egress(packet).bytes;
  const auto in = icmp_error(who.world, who.external, 2, Bytes(left.begin() + 14, left.end()));
  EXPECT_PACKET(icmp_error(who.world, who.pod, 2, packet.ip()), engine.ingress(in));
}

TEST(IcmpErrorsIPv4, AQuotedZeroUdpChecksumStaysZero) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv4);
  auto packet = udp({who.pod, 5000}, {who.world, 53});
  packet.udp_checksum = false;
  const auto left = engine.egress(packet).bytes;
  const auto in = icmp_error(who.world, who.external, 3, Bytes(left.begin() + 14, left.end()));
  EXPECT_PACKET(icmp_error(who.world, who.pod, 3, packet.ip()), engine.ingress(in));
}

TEST_P(IcmpErrors, AboutUnknownConnectionsCreateNoMapping) {
  const auto stray = icmp_error(router, who.external, 3, tcp({who.external, 5000}, {who.world, 443}).ip());
  EXPECT_EQ(engine.ingress(stray).reason, "unrelated");
  EXPECT_PACKET(stray, engine.ingress(stray));
  const auto forged = icmp_error(who.pod, who.world, 3, tcp({who.world, 443}, {who.pod, 5000}).ip());
  EXPECT_EQ(engine.egress(forged).reason, "icmp_error");
  EXPECT_EQ(engine.egress(forged).verdict, drop);
  auto allowed = forged;
  allowed.to.address = who.excluded;
  EXPECT_EQ(engine.egress(allowed).reason, "ip_masq_agent");
  EXPECT_EQ(engine.control(who.family).used, 0u);
}

TEST_P(IcmpErrors, OfAPodAboutAnotherPodsConnectionAreDropped) {
  engine.egress(tcp({who.pod, 5000}, {who.world, 443}, syn));
  const auto forged = icmp_error(who.pod2, who.world, 3, tcp({who.world, 443}, {who.pod, 5000}).ip());
  EXPECT_EQ(engine.egress(forged).reason, "icmp_error");
}

TEST_P(IcmpErrors, AboutInboundConnectionsPassUnchanged) {
  const auto in = udp({who.world, 30000}, {who.pod, 80});
  engine.ingress(in);
  const auto error = icmp_error(who.pod, who.world, is_ipv4 ? 3 : 1, in.ip());
  EXPECT_EQ(engine.egress(error).reason, "inbound_connection");
  EXPECT_PACKET(error, engine.egress(error));
}

TEST_P(IcmpErrors, NeitherEndNorRefreshAMapping) {
  const auto packet = udp({who.pod, 5000}, {who.world, 53});
  const auto error = icmp_error(router, who.external, is_ipv4 ? 3 : 1, sent(packet));
  EXPECT_EQ(engine.ingress(error).reason, "translated");
  EXPECT_EQ(engine.egress(packet).reason, "translated");
  EXPECT_EQ(engine.control(who.family).used, 1u);
  engine.pass_time(who.family, 20);  // of 30 s for what is unanswered: an error is no answer
  engine.ingress(error);
  engine.pass_time(who.family, 11);
  EXPECT_EQ(engine.control(who.family).used, 0u);
}

TEST(IcmpErrorsIPv4, RedirectsAboutAMappingAreDropped) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv4);
  const auto left = engine.egress(tcp({who.pod, 5000}, {who.world, 443}, syn)).bytes;
  const auto redirect = icmp_error(who.world, who.external, 5, Bytes(left.begin() + 14, left.end()));
  EXPECT_EQ(engine.ingress(redirect).reason, "icmp_redirect");
  EXPECT_EQ(engine.ingress(redirect).verdict, drop);
  const auto nodes_own = icmp_error(who.world, who.external, 5, tcp({who.external, 22}, {who.world, 443}).ip());
  EXPECT_EQ(engine.ingress(nodes_own).reason, "unrelated");
}

}  // namespace
}  // namespace masq::bpf::test
