// SPDX-License-Identifier: Apache-2.0
// What a translated packet looks like, to the byte.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "base/address.hpp"
#include "engine.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

class Rewrite : public BothFamilies {
 protected:
  Engine engine{desired()};

  // The second pod's packet gets another port than its own: the first has that one.
  std::uint16_t mapped_port(const Packet& packet) {
    const auto bytes = engine.egress(packet).bytes;
    const std::size_t at = 14 + (who.family == Family::ipv4 ? 20u : 40u) + (packet.icmp_id ? 4 : 0);
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
  }
};
MASQ_BOTH_FAMILIES(Rewrite);

TEST_P(Rewrite, TcpIsTranslatedInBothDirections) {
  auto out = engine.egress(tcp({who.pod, 5000}, {who.world, 443}, syn));
  EXPECT_EQ(out.verdict, pass);
  EXPECT_PACKET(tcp({who.external, 5000}, {who.world, 443}, syn), out);
  auto back = engine.ingress(tcp({who.world, 443}, {who.external, 5000}, syn | ack));
  EXPECT_EQ(back.reason, "translated");
  EXPECT_PACKET(tcp({who.world, 443}, {who.pod, 5000}, syn | ack), back);
}

// RFC 1624: the sum of zeros alone is 0, and its checksum 0xffff; every other sum of that value may have 0 too.
TEST(RewriteIPv4, AnEchoReplyOfZerosAloneHasAValidChecksum) {
  const Engine engine(desired());
  const auto who = cast(Family::ipv4);
  engine.egress(echo_request(who.pod2, who.world, 0));
  const auto sent = engine.egress(echo_request(who.pod, who.world, 0)).bytes;
  const auto high = sent[38], low = sent[39];  // the identifier
  ASSERT_NE(high << 8 | low, 0);
  auto reply = echo_reply(who.world, who.external, 0), expected = echo_reply(who.world, who.pod, 0);
  reply.transport = {0, 0, static_cast<std::uint8_t>(~high), static_cast<std::uint8_t>(~low), high, low, 0, 0};
  expected.transport = {0, 0, 0xff, 0xff, 0, 0, 0, 0};
  EXPECT_PACKET(expected, engine.ingress(reply));
}

TEST_P(Rewrite, UdpIsTranslatedInBothDirections) {
  EXPECT_PACKET(udp({who.external, 5000}, {who.world, 53}), engine.egress(udp({who.pod, 5000}, {who.world, 53})));
  EXPECT_PACKET(udp({who.world, 53}, {who.pod, 5000}), engine.ingress(udp({who.world, 53}, {who.external, 5000})));
}

TEST_P(Rewrite, EchoIsTranslatedInBothDirections) {
  EXPECT_PACKET(echo_request(who.external, who.world, 77), engine.egress(echo_request(who.pod, who.world, 77)));
  EXPECT_PACKET(echo_reply(who.world, who.pod, 77), engine.ingress(echo_reply(who.world, who.external, 77)));
}

TEST_P(Rewrite, ATakenPortIsReplacedAndRepliesReachTheRightPod) {
  for (const auto make : {+[](const Endpoint& a, const Endpoint& b) { return tcp(a, b, syn); }, &udp}) {
    engine.egress(make({who.pod, 5000}, {who.world, 443}));
    const auto second = make({who.pod2, 5000}, {who.world, 443});
    const auto port = mapped_port(second);
    ASSERT_NE(port, 5000);
    EXPECT_PACKET(make({who.external, port}, {who.world, 443}), engine.egress(second));
    EXPECT_PACKET(make({who.world, 443}, {who.pod2, 5000}),
                  engine.ingress(make({who.world, 443}, {who.external, port})));
    EXPECT_PACKET(make({who.world, 443}, {who.pod, 5000}),
                  engine.ingress(make({who.world, 443}, {who.external, 5000})));
  }
}

TEST_P(Rewrite, ATakenIdentifierIsReplaced) {
  engine.egress(echo_request(who.pod, who.world, 77));
  const auto id = mapped_port(echo_request(who.pod2, who.world, 77));
  ASSERT_NE(id, 77);
  EXPECT_PACKET(echo_request(who.external, who.world, id), engine.egress(echo_request(who.pod2, who.world, 77)));
  EXPECT_PACKET(echo_reply(who.world, who.pod2, 77), engine.ingress(echo_reply(who.world, who.external, id)));
}

TEST_P(Rewrite, APortOutsideTheRangeIsReplaced) {
  const auto port = mapped_port(tcp({who.pod, 80}, {who.world, 443}, syn));
  EXPECT_TRUE((port >= 1024 && port <= 29999) || port >= 61000) << port;
  EXPECT_PACKET(tcp({who.external, port}, {who.world, 443}, syn),
                engine.egress(tcp({who.pod, 80}, {who.world, 443}, syn)));
}

TEST_P(Rewrite, PayloadsOfEverySmallSizeAreKept) {
  for (std::size_t size = 0; size < 70; ++size) {
    auto packet = udp({who.pod, 5000}, {who.world, 53});
    packet.payload = std::string(size, 'x');
    auto expected = packet;
    expected.from.address = who.external;
    EXPECT_PACKET(expected, engine.egress(packet)) << size;
  }
}

TEST_P(Rewrite, AChecksumThatBecomesZeroIsSentAsFfff) {
  for (int high = 0; high < 256; ++high) {  // one of these makes the sum zero for some low byte
    auto packet = udp({who.pod, 5000}, {who.world, 53});
    for (int low = 0; low < 256; low += 5) {
      packet.payload = {static_cast<char>(high), static_cast<char>(low)};
      auto expected = packet;
      expected.from.address = who.external;
      EXPECT_PACKET(expected, engine.egress(packet));
    }
  }
}

TEST_P(Rewrite, ALargeSegmentIsTranslatedWhole) {
  auto packet = tcp({who.pod, 5000}, {who.world, 443});
  packet.payload = std::string(2900, 'x');
  auto expected = packet;
  expected.from.address = who.external;
  EXPECT_PACKET(expected, engine.egress(packet, {.gso_size = 1448}));
}

TEST_P(Rewrite, AChecksumThatADeviceComputedRemainsCorrect) {
  const RunContext complete{.checksum_complete = true};
  EXPECT_PACKET(tcp({who.external, 5000}, {who.world, 443}, syn),
                engine.egress(tcp({who.pod, 5000}, {who.world, 443}, syn), complete));
  EXPECT_PACKET(udp({who.external, 5000}, {who.world, 53}),
                engine.egress(udp({who.pod, 5000}, {who.world, 53}), complete));
  EXPECT_PACKET(tcp({who.world, 443}, {who.pod, 5000}, syn | ack),
                engine.ingress(tcp({who.world, 443}, {who.external, 5000}, syn | ack), complete));
}

TEST(RewriteIPv4, AZeroUdpChecksumStaysZero) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv4);
  auto packet = udp({who.pod, 5000}, {who.world, 53});
  packet.udp_checksum = false;
  auto expected = packet;
  expected.from.address = who.external;
  EXPECT_PACKET(expected, engine.egress(packet));
}

TEST(RewriteIPv4, PacketsMayHaveOptions) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv4);
  for (int words = 0; words <= 10; ++words) {
    auto packet = tcp({who.pod, 5000}, {who.world, 443}, syn);
    packet.ip_option_words = words;
    auto expected = packet;
    expected.from.address = who.external;
    EXPECT_PACKET(expected, engine.egress(packet)) << words;
  }
}

TEST(RewriteIPv4, TimestampQueriesHaveIdentifiersToo) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv4);
  auto query = echo_request(who.pod, who.world, 9);
  query.icmp_type = 13;
  auto expected = query;
  expected.from.address = who.external;
  EXPECT_PACKET(expected, engine.egress(query));
  auto reply = echo_reply(who.world, who.external, 9);
  reply.icmp_type = 14;
  expected = reply;
  expected.to.address = who.pod;
  EXPECT_PACKET(expected, engine.ingress(reply));
}

}  // namespace
}  // namespace masq::bpf::test
