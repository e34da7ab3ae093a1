// SPDX-License-Identifier: Apache-2.0
// No ICMP error to outside contains a pod's address: what errors of the node and of pods quote, to the byte.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "engine.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

// A packet of the pod, and a packet from outside that its mapping receives.
struct Exchange {
  const char* name;
  Packet out;
  Packet in;
};

Bytes with_key(Bytes head, std::uint8_t key, std::size_t size) {
  head.insert(head.end(), {0x12, 0, 0, key});
  head.resize(size, 0x5a);
  return head;
}

class Quotes : public BothFamilies {
 protected:
  Engine engine{desired()};
  const bool is_ipv4 = who.family == Family::ipv4;
  const std::uint8_t time_exceeded = is_ipv4 ? 11 : 3;
  const std::size_t header = is_ipv4 ? 20 : 40;

  Packet to_world(std::uint8_t protocol, Bytes transport) const {
    return other(who.pod, who.world, protocol, std::move(transport));
  }
  Packet from_world(std::uint8_t protocol, Bytes transport) const {
    return other(who.world, who.external, protocol, std::move(transport));
  }

  std::vector<Exchange> exchanges() const {
    const Bytes gre{0x20, 0, 0x08, 0}, gre_with_checksum{0xa0, 0, 0x08, 0, 1, 2, 3, 4}, ah{6, 4, 0, 0};
    return {
        {"ESP", to_world(IPPROTO_ESP, with_key({}, 1, 32)), from_world(IPPROTO_ESP, with_key({}, 2, 32))},
        {"AH", to_world(IPPROTO_AH, with_key(ah, 1, 32)), from_world(IPPROTO_AH, with_key(ah, 2, 32))},
        {"GRE", to_world(IPPROTO_GRE, with_key(gre, 1, 32)), from_world(IPPROTO_GRE, with_key(gre, 2, 32))},
        {"GRE with a checksum", to_world(IPPROTO_GRE, with_key(gre, 1, 32)),
         from_world(IPPROTO_GRE, with_key(gre_with_checksum, 2, 32))},
        {"GRE of 4 bytes", to_world(IPPROTO_GRE, with_key(gre, 1, 32)), from_world(IPPROTO_GRE, {0, 0, 0x08, 0})},
        {"protocol 99, 4 bytes", to_world(99, pattern(8)), from_world(99, pattern(4))},
        {"protocol 99, 1 byte", to_world(99, pattern(8)), from_world(99, pattern(1))},
    };
  }

  Bytes translated(const Outcome& outcome) const {
    EXPECT_EQ(outcome.reason, "translated");
    return Bytes(outcome.bytes.begin() + 14, outcome.bytes.end());
  }
  // Errors of the node, from either of its addresses, and of the pod, about a packet as the pod got it.
  void expect_hidden(const Bytes& got, const Bytes& sent, const std::string& name) {
    const std::pair<Address, Address> senders[] = {
        {who.own, who.own}, {who.external, who.external}, {who.pod, who.external}};
    for (const auto& [from, seen] : senders) {
      const auto outcome = engine.egress(icmp_error(from, who.world, time_exceeded, got), {.checksum_complete = true});
      EXPECT_EQ(outcome.reason, "translated") << name << " from " << from.to_string();
      EXPECT_PACKET(icmp_error(seen, who.world, time_exceeded, sent), outcome) << name;
    }
  }

  std::vector<Bytes> fragments(const Endpoint& from, const Endpoint& to) const {
    auto datagram = udp(from, to);
    datagram.payload = std::string(1200, 'x');
    return {datagram.fragment(0, 800, 7), datagram.fragment(800, 800, 7)};
  }
};
MASQ_BOTH_FAMILIES(Quotes);

TEST_P(Quotes, UnderAnotherKeyOrWithoutOneHideThePod) {
  for (const auto& [name, out, in] : exchanges()) {
    EXPECT_EQ(engine.egress(out).reason, "translated") << name;
    expect_hidden(translated(engine.ingress(in)), in.ip(), name);
  }
}

TEST_P(Quotes, OfFragmentsHideThePod) {
  engine.egress(udp({who.pod, 5000}, {who.world, 53}));
  for (const auto& fragment : fragments({who.world, 53}, {who.external, 5000}))
    expect_hidden(translated(engine.ingress_bytes(fragment, who.family)), Bytes(fragment.begin() + 14, fragment.end()),
                  "fragment");
}

TEST_P(Quotes, OfAnUnknownDatagramAreDropped) {
  const auto unknown = fragments({who.world, 53}, {who.pod, 5000})[1];
  const auto error = [&](const Address& to) {
    return icmp_error(who.own, to, time_exceeded, Bytes(unknown.begin() + 14, unknown.end()));
  };
  EXPECT_EQ(engine.egress(error(who.world)).reason, "icmp_error");
  EXPECT_EQ(engine.egress(error(who.world)).verdict, drop);
  const auto excluded = fragments({who.excluded, 53}, {who.pod, 5000})[1];
  const auto allowed = icmp_error(who.own, who.excluded, time_exceeded, Bytes(excluded.begin() + 14, excluded.end()));
  EXPECT_EQ(engine.egress(allowed).reason, "unrelated");
}

TEST_P(Quotes, ThatAreTooShortForTheirPortsAreDropped) {
  engine.egress(tcp({who.pod, 5000}, {who.world, 443}, syn));
  const auto got = translated(engine.ingress(tcp({who.world, 443}, {who.external, 5000}, syn | ack)));
  for (std::size_t size = header; size < header + 8; ++size)
    EXPECT_EQ(engine.egress(icmp_error(who.own, who.world, time_exceeded, cut(got, size))).reason, "icmp_error")
        << size;
}

// The remote endpoint has sent such a packet to the pod's own address: it learns nothing.
TEST_P(Quotes, AboutAnUnknownConnectionOfAPodStay) {
  const auto connections = {tcp({who.world, 443}, {who.pod, 5000}), udp({who.world, 53}, {who.pod, 5000}),
                            other(who.world, who.pod, IPPROTO_ESP, with_key({}, 2, 32))};
  for (const auto& packet : connections) {
    const auto error = icmp_error(who.own, who.world, time_exceeded, packet.ip());
    const auto outcome = engine.egress(error);
    EXPECT_EQ(outcome.reason, "unrelated");
    EXPECT_PACKET(error, outcome);
  }
}

TEST_P(Quotes, FromOutsideAboutAKeyThatNoPodSentStay) {
  for (const auto& [name, out, in] : exchanges()) {
    if (out.protocol == 99) continue;
    engine.egress(out);
    auto quoted = out;
    quoted.from.address = who.external;
    const auto known = icmp_error(who.world, who.external, time_exceeded, cut(quoted.ip(), header + 8));
    EXPECT_PACKET(icmp_error(who.world, who.pod, time_exceeded, cut(out.ip(), header + 8)), engine.ingress(known))
        << name;
    quoted.transport[out.protocol == IPPROTO_ESP ? 3 : 7] = 9;
    const auto unknown = icmp_error(who.world, who.external, time_exceeded, quoted.ip());
    const auto outcome = engine.ingress(unknown);
    EXPECT_EQ(outcome.reason, "unrelated") << name;
    EXPECT_PACKET(unknown, outcome) << name;
  }
}

// A router may count down before it sends the error.
TEST_P(Quotes, OfAnExpiredPacketAreTranslated) {
  const auto packet = tcp({who.pod, 5000}, {who.world, 443}, syn);
  auto sent = translated(engine.egress(packet)), expected = packet.ip();
  for (auto* quote : {&sent, &expected}) (*quote)[is_ipv4 ? 8 : 7] = 0;
  const auto outcome = engine.ingress(icmp_error(who.world, who.external, time_exceeded, sent));
  EXPECT_EQ(outcome.reason, "translated");
  EXPECT_PACKET(icmp_error(who.world, who.pod, time_exceeded, expected), outcome);
}

// RFC 4861 4.5: a pod behind the uplink, to a neighbour on the same link.
TEST(QuotesIPv6, OfARedirectToAPodAreDropped) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv6);
  const auto redirect = [&](const Address& destination) {
    auto message = icmp_error(address("fe80::1"), who.world, 137, {});
    for (int i = 0; i < 2; ++i) {  // the target, then the destination
      const auto octets = destination.bytes();
      message.payload.append(octets.begin(), octets.end());
    }
    auto frame = message.frame();
    frame[14 + 7] = 255;
    return frame;
  };
  EXPECT_EQ(engine.egress_bytes(redirect(who.pod), Family::ipv6).reason, "icmp_redirect");
  EXPECT_EQ(engine.egress_bytes(redirect(who.pod), Family::ipv6).verdict, drop);
  EXPECT_EQ(engine.egress_bytes(redirect(who.excluded), Family::ipv6).reason, "unrelated");
}

// RFC 791: record route, and timestamps with addresses. The pod has recorded its own address in the packet.
TEST(QuotesIPv4, WithOptionsHideThePod) {
  const auto who = cast(Family::ipv4);
  for (const auto& option : {Bytes{7, 11, 12}, Bytes{68, 12, 13, 1}})
    for (int padding = 0; padding < 4; ++padding) {
      const Engine engine{desired()};
      const auto recorded = [&](const Address& local) {
        Bytes bytes(static_cast<std::size_t>(padding), 1);
        bytes.insert(bytes.end(), option.begin(), option.end());
        for (const auto& address : {who.own, local}) {
          const auto octets = address.bytes();
          bytes.insert(bytes.end(), octets.begin(), octets.end());
        }
        bytes.resize((bytes.size() + 3) / 4 * 4);
        return bytes;
      };
      const auto about = [&](const Address& local) {
        auto packet = udp({who.world, 53}, {local, 5000});
        packet.ip_options = recorded(local);
        return packet.ip();
      };
      const auto error = [&](const Address& from, const Address& local) {
        auto packet = icmp_error(from, who.world, 3, about(local));
        packet.ip_options = recorded(local);
        return packet;
      };
      engine.egress(udp({who.pod, 5000}, {who.world, 53}));
      EXPECT_PACKET(error(who.external, who.external), engine.egress(error(who.pod, who.pod))) << padding;
      EXPECT_PACKET(error(who.own, who.external), engine.egress(error(who.own, who.pod))) << padding;
    }
}

}  // namespace
}  // namespace masq::bpf::test
