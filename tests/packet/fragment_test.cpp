// SPDX-License-Identifier: Apache-2.0
// Datagrams in fragments, to the byte: RFC 4787 REQ-14, RFC 6864 5.3.1, RFC 5722; the hard case R84. What waits for its
// first fragment is sent on by the kernel's device, so that is a scenario's.
#include "bpf/abi/fragment.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/address.hpp"
#include "bpf/abi/reasons.h"
#include "engine.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

constexpr std::size_t slice = 400;

class Fragments : public BothFamilies {
 protected:
  Engine engine{desired()};
  const bool is_ipv4 = who.family == Family::ipv4;

  Packet datagram(const Endpoint& from, const Endpoint& to) const {
    auto p = udp(from, to);
    p.payload = std::string(1500, 'x');
    return p;
  }
  std::vector<Bytes> fragments(const Packet& p, std::uint32_t id) const {
    std::vector<Bytes> all;
    for (std::size_t offset = 0; offset < 1508; offset += slice) all.push_back(p.fragment(offset, slice, id));
    return all;
  }
  Outcome out(const Bytes& frame) const { return engine.egress_bytes(frame, who.family, {.checksum_complete = true}); }
  Outcome in(const Bytes& frame) const { return engine.ingress_bytes(frame, who.family, {.checksum_complete = true}); }

  void expect_out(const Packet& packet, std::uint32_t id, const Packet& expected, std::uint32_t expected_id) {
    const auto sent = fragments(packet, id), wanted = fragments(expected, expected_id);
    for (std::size_t i = 0; i < sent.size(); ++i) {
      const auto outcome = out(sent[i]);
      EXPECT_EQ(outcome.reason, "translated") << i;
      EXPECT_BYTES(wanted[i], outcome) << i;
    }
  }

  // The half that may be replaced.
  std::uint16_t id_of(const Bytes& frame) const {
    const std::size_t at = 14 + (is_ipv4 ? 4u : 40u + 6);
    return static_cast<std::uint16_t>(frame[at] << 8 | frame[at + 1]);
  }
};
MASQ_BOTH_FAMILIES(Fragments);

TEST_P(Fragments, AreTranslatedInBothDirections) {
  expect_out(datagram({who.pod, 5000}, {who.world, 53}), 0x12345678, datagram({who.external, 5000}, {who.world, 53}),
             0x12345678);
  const auto answer = fragments(datagram({who.world, 53}, {who.external, 5000}), 99);
  const auto expected = fragments(datagram({who.world, 53}, {who.pod, 5000}), 99);
  for (std::size_t i = 0; i < answer.size(); ++i) {
    const auto outcome = in(answer[i]);
    EXPECT_EQ(outcome.reason, "translated") << i;
    EXPECT_BYTES(expected[i], outcome) << i;
  }
}

TEST_P(Fragments, BehindTheFirstAreTranslatedInAnyOrderAndTwice) {
  const auto sent = fragments(datagram({who.pod, 5000}, {who.world, 53}), 7);
  const auto expected = fragments(datagram({who.external, 5000}, {who.world, 53}), 7);
  for (const std::size_t i : {0, 3, 1, 2, 0, 3, 3, 1}) EXPECT_BYTES(expected[i], out(sent[i])) << i;
  EXPECT_EQ(engine.control(who.family).used, 2u);  // the connection and its datagram
}

TEST_P(Fragments, OfTwoPodsWithOneIdentificationGetTwo) {
  const auto first = datagram({who.pod, 5000}, {who.world, 53}), second = datagram({who.pod2, 6000}, {who.world, 53});
  expect_out(first, 7, datagram({who.external, 5000}, {who.world, 53}), 7);
  const auto id = id_of(out(fragments(second, 7)[0]).bytes);
  EXPECT_NE(id, 7);
  expect_out(second, 7, datagram({who.external, 6000}, {who.world, 53}), id);
  expect_out(first, 7, datagram({who.external, 5000}, {who.world, 53}), 7);
}

// GRE: the mapping is that of another key, and no key can be changed.
TEST_P(Fragments, OfAReplyWithAnotherKeyKeepTheirs) {
  const auto gre = [](const Address& from, const Address& to, std::uint8_t key) {
    Packet p{.from = {from}, .to = {to}, .protocol = IPPROTO_GRE};
    p.transport = Bytes(24, 'x');
    std::ranges::copy(std::array<std::uint8_t, 8>{0x20, 0, 8, 0, key, 0, 0, 0}, p.transport.begin());
    return p;
  };
  engine.egress(gre(who.pod, who.world, 5));
  for (const std::size_t offset : {0, 16})
    EXPECT_BYTES(gre(who.world, who.pod, 6).fragment(offset, 16 - offset / 2, 7),
                 in(gre(who.world, who.external, 6).fragment(offset, 16 - offset / 2, 7)));
}

TEST_P(Fragments, OfAPingAreTranslated) {
  auto ping = echo_request(who.pod, who.world, 77), expected = echo_request(who.external, who.world, 77);
  ping.payload = expected.payload = std::string(1500, 'p');
  expect_out(ping, 7, expected, 7);
}

TEST_P(Fragments, BeforeTheFirstAreHeldOutboundAndPassInbound) {
  const auto sent = fragments(datagram({who.pod, 5000}, {who.world, 53}), 7);
  EXPECT_EQ(out(sent[1]).reason, "fragment_held");
  EXPECT_EQ(out(sent[1]).verdict, drop);
  const auto answer = fragments(datagram({who.world, 53}, {who.external, 5000}), 99);
  EXPECT_EQ(in(answer[1]).reason, "unrelated");
  EXPECT_BYTES(answer[1], in(answer[1]));
}

TEST_P(Fragments, OfOneSenderAreHeldUpToItsShare) {
  for (std::uint32_t id = 0; id < MASQ_HELD_SLOTS_PER_SOURCE; ++id)
    ASSERT_EQ(out(fragments(datagram({who.pod, 5000}, {who.world, 53}), id)[1]).reason, "fragment_held") << id;
  EXPECT_EQ(out(fragments(datagram({who.pod, 5000}, {who.world, 53}), 1000)[1]).reason, "fragment");
  EXPECT_EQ(out(fragments(datagram({who.pod2, 5000}, {who.world, 53}), 1000)[1]).reason, "fragment_held");
}

// However many addresses it uses, and however many pods there are, the next one finds room.
TEST_P(Fragments, OfAPodWithItsOwnDeviceAreHeldUpToItsShare) {
  auto wanted = desired();
  for (int device = 77; device <= 82; ++device)
    wanted.pod_devices.single.push_back({.ifindex = device, .name = "", .has_route = true});
  const Engine shared(wanted);
  const auto held = [&](std::uint32_t device) {
    unsigned count = 0;
    for (std::uint32_t i = 0; i < 100; ++i) {
      const auto frame = fragments(datagram({numbered_pod(who.family, i), 5000}, {who.world, 53}), 256 * device + i)[1];
      count += shared.egress_bytes(frame, who.family, {.arrived_by = device}).reason == "fragment_held";
    }
    return count;
  };
  EXPECT_EQ(held(77), 64u);
  EXPECT_EQ(held(78), 64u);
  EXPECT_EQ(held(79), 64u);
  EXPECT_EQ(held(80), 32u);
  EXPECT_EQ(held(81), 16u);
  EXPECT_EQ(held(82), 8u);
}

TEST_P(Fragments, ToAnExcludedDestinationPassUnchanged) {
  const auto sent = fragments(datagram({who.pod, 5000}, {who.excluded, 53}), 7);
  for (const std::size_t i : {2, 0, 1, 3}) {
    EXPECT_EQ(out(sent[i]).reason, "ip_masq_agent") << i;
    EXPECT_BYTES(sent[i], out(sent[i])) << i;
  }
}

TEST_P(Fragments, OfRepliesToAnInboundConnectionPassUnchanged) {
  engine.ingress(udp({who.world, 30000}, {who.pod, 80}));
  const auto sent = fragments(datagram({who.pod, 80}, {who.world, 30000}), 7);
  for (const auto& fragment : sent) {
    EXPECT_EQ(out(fragment).reason, "inbound_connection");
    EXPECT_BYTES(fragment, out(fragment));
  }
}

TEST_P(Fragments, ForTheNodePassUnchanged) {
  for (const auto& fragment : fragments(datagram({who.world, 53}, {who.external, 40000}), 7)) {
    EXPECT_EQ(in(fragment).reason, "unrelated");
    EXPECT_BYTES(fragment, in(fragment));
  }
}

TEST_P(Fragments, OfTwoDatagramsWithOneIdentificationAreDropped) {
  engine.egress(udp({who.pod, 5000}, {who.world, 53}));
  engine.egress(udp({who.pod2, 6000}, {who.world, 53}));
  const auto first = fragments(datagram({who.world, 53}, {who.external, 5000}), 99);
  const auto second = fragments(datagram({who.world, 53}, {who.external, 6000}), 99);
  EXPECT_EQ(in(first[0]).reason, "translated");
  EXPECT_EQ(in(second[0]).reason, "fragment");
  for (const auto& outcome : {in(first[1]), in(second[2]), in(first[0])}) {
    EXPECT_EQ(outcome.reason, "fragment");
    EXPECT_EQ(outcome.verdict, drop);
  }
}

TEST_P(Fragments, WithAFirstTooShortForItsPortsAreMalformed) {
  for (const std::size_t size : {0u, 8u, 16u}) {
    auto segment = tcp({who.pod, 5000}, {who.world, 443}, syn);
    if (size == 0) continue;
    EXPECT_EQ(out(segment.fragment(0, size, 7)).reason, "malformed") << size;
  }
  EXPECT_EQ(engine.control(who.family).used, 0u);
}

TEST(FragmentsIPv4, WithoutAFirstAreCountedAsDropped) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv4);
  auto datagram = udp({who.pod, 5000}, {who.world, 53});
  datagram.payload = std::string(1000, 'x');
  EXPECT_EQ(engine.egress_bytes(datagram.fragment(800, 400, 7), Family::ipv4).reason, "fragment_held");
  const auto gives_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (engine.packets(Family::ipv4, MASQ_EGRESS, MASQ_REASON_FRAGMENT) == 0)
    ASSERT_LT(std::chrono::steady_clock::now(), gives_up);
}

TEST_P(Fragments, ExpireWithinThreeSeconds) {
  for (const auto& fragment : fragments(datagram({who.pod, 5000}, {who.world, 53}), 7)) out(fragment);
  EXPECT_EQ(engine.control(who.family).used, 2u);
  engine.pass_time(who.family, 3);
  EXPECT_EQ(engine.control(who.family).used, 1u);
}

TEST(FragmentsIPv6, AtomicOnesAreWholePackets) {  // RFC 6946
  const Engine engine{desired()};
  const auto who = cast(Family::ipv6);
  const auto alone = udp({who.pod, 5000}, {who.world, 53});
  EXPECT_BYTES(udp({who.external, 5000}, {who.world, 53}).fragment(0, 1500, 7),
               engine.egress_bytes(alone.fragment(0, 1500, 7), Family::ipv6));
  EXPECT_EQ(engine.control(Family::ipv6).used, 1u);
}

TEST(FragmentsIPv4, BeyondTheLongestDatagramAreMalformed) {
  const Engine engine{desired()};
  const auto who = cast(Family::ipv4);
  auto datagram = udp({who.pod, 5000}, {who.world, 53});
  datagram.payload = std::string(1000, 'x');
  auto frame = datagram.fragment(8, 800, 7);
  frame[14 + 6] = 0x1f;
  frame[14 + 7] = 0xff;
  EXPECT_EQ(engine.egress_bytes(frame, Family::ipv4).reason, "malformed");
}

}  // namespace
}  // namespace masq::bpf::test
