// SPDX-License-Identifier: Apache-2.0
#include "people.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "dice.hpp"
#include "engine.hpp"
#include "packet.hpp"
#include "wire.hpp"

namespace masq::bpf::fuzz {
namespace {

using test::Packet;

constexpr unsigned pods = 12, worlds = 4;
constexpr std::array<std::uint8_t, 9> tcp_flags{test::syn,
                                                test::syn,
                                                test::syn | test::ack,
                                                test::ack,
                                                test::ack,
                                                test::fin | test::ack,
                                                test::rst,
                                                test::rst | test::ack,
                                                test::syn | test::fin};
constexpr std::array<std::uint16_t, 6> services{80, 443, 53, 8000, 8001, 1};

std::uint16_t client_port(Dice& dice) {
  if (dice.one_in(8)) return static_cast<std::uint16_t>(1 + dice.below(1023));
  return static_cast<std::uint16_t>((dice.one_in(8) ? 1024 : 40000) + dice.below(16));
}

void put(Bytes& bytes, std::uint32_t value, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
}

Bytes sctp(std::uint16_t from, std::uint16_t to, Dice& dice) {
  constexpr std::array<std::uint8_t, 5> chunks{1, 1, 0, 6, 14};  // INIT, DATA, ABORT, SHUTDOWN COMPLETE
  Bytes bytes;
  put(bytes, from, 2);
  put(bytes, to, 2);
  put(bytes, 7, 4);
  put(bytes, 0xdeadbeef, 4);
  bytes.push_back(dice.pick(chunks));
  bytes.resize(32);
  return bytes;
}

// A protocol with a key of 32 bits at `at`.
Bytes keyed(std::size_t at, Dice& dice) {
  auto bytes = test::pattern(28);
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = i == 3 ? static_cast<std::uint8_t>(dice.below(3)) : 0;
  return bytes;
}

Bytes dccp(std::uint16_t from, std::uint16_t to) {
  Bytes bytes;
  put(bytes, from, 2);
  put(bytes, to, 2);
  bytes.resize(20, 6);
  return bytes;
}

void choose_query(Packet& p, bool request, Dice& dice) {
  constexpr std::array<std::uint8_t, 4> requests4{8, 8, 13, 42};
  constexpr std::array<std::uint8_t, 3> requests6{128, 128, 160};
  const bool is_ipv4 = p.from.address.family() == Family::ipv4;
  p.protocol = is_ipv4 ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6};
  p.icmp_type = is_ipv4 ? dice.pick(requests4) : dice.pick(requests6);
  if (!request) p.icmp_type = static_cast<std::uint8_t>(p.icmp_type == 8 ? 0 : p.icmp_type + 1);
  p.icmp_id = static_cast<std::uint16_t>(dice.below(4));
  if (dice.one_in(16)) p.icmp_type = static_cast<std::uint8_t>(dice.below(256));
}

void choose_protocol(Packet& p, bool from_pod, Dice& dice) {
  p.from.port = client_port(dice);
  p.to.port = dice.pick(services);
  if (!from_pod) std::swap(p.from.port, p.to.port);
  const auto roll = dice.below(22);
  if (roll < 8) {
    p.protocol = IPPROTO_TCP;
    p.tcp_flags = dice.pick(tcp_flags);
    p.sequence = dice.below(3) * 0x10000000 + dice.below(4096);
    p.acknowledgement = dice.below(3) * 0x10000000 + dice.below(4096);
    if (dice.one_in(4)) p.timestamp = 1 + dice.below(1000);
  } else if (roll < 13) {
    p.protocol = IPPROTO_UDP;
    p.udp_checksum = !dice.one_in(8);
  } else if (roll < 16) {
    choose_query(p, from_pod != dice.one_in(4), dice);
  } else if (roll == 16) {
    p.protocol = IPPROTO_UDPLITE;
  } else if (roll == 17) {
    p.protocol = IPPROTO_SCTP;
    p.transport = sctp(p.from.port, p.to.port, dice);
  } else if (roll == 18) {
    p.protocol = IPPROTO_DCCP;
    p.transport = dccp(p.from.port, p.to.port);
  } else if (roll == 19) {
    p.protocol = IPPROTO_GRE;
    p.transport = keyed(4, dice);
    p.transport[0] = 0x20;
    p.transport[1] = 0;
  } else if (roll == 20) {
    p.protocol = dice.one_in(2) ? std::uint8_t{IPPROTO_ESP} : std::uint8_t{IPPROTO_AH};
    p.transport = keyed(p.protocol == IPPROTO_ESP ? 0 : 4, dice);
  } else {
    constexpr std::array<std::uint8_t, 5> others{4, 41, 89, 103, 253};
    p.protocol = dice.pick(others);
    p.transport = test::pattern(8 + dice.below(24));
  }
}

void choose_headers(Packet& p, Dice& dice) {
  if (!dice.one_in(6)) return;
  if (p.from.address.family() == Family::ipv4) {
    p.ip_option_words = static_cast<int>(1 + dice.below(3));
    return;
  }
  constexpr std::array<std::uint8_t, 3> types{IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING};
  const auto count = dice.one_in(8) ? 7 + dice.below(3) : 1 + dice.below(3);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto units = dice.below(2);
    Bytes octets(8 * (units + 1));
    octets[1] = static_cast<std::uint8_t>(units);
    p.extensions.push_back({.type = dice.pick(types), .octets = octets});
  }
}

std::vector<Address> world_of(Family family) {
  std::vector<Address> found;
  for (unsigned i = 0; i < worlds; ++i)
    found.push_back(test::address(family == Family::ipv4 ? fmt::format("203.0.113.{}", 9 + i)
                                                         : fmt::format("2001:db8:1::{:x}", 9 + i)));
  return found;
}

}  // namespace

People::People(Family of) : family(of), cast(test::cast(of)), world(world_of(of)) {
  for (unsigned i = 0; i < fuzz::pods; ++i) pods.push_back(test::numbered_pod(family, i));
  spared = {cast.excluded, cast.native, cast.node, cast.own, cast.other_pod, cast.multicast};
  if (family == Family::ipv4) spared.push_back(cast.broadcast);
}

bool People::is_pod(const Address& address) const {
  return address.family() == family && common_bits(address, cast.pod) >= (family == Family::ipv4 ? 16 : 48);
}

bool People::is_spared(const Address& address) const {
  if (is_pod(address) || address.is_multicast()) return true;
  static const auto everyone = test::address("255.255.255.255");
  return address == everyone || std::ranges::find(spared, address) != spared.end();
}

Bytes People::frame(const Address& from, const Address& to, bool from_pod, Dice& dice) const {
  Packet p{.from = {from}, .to = {to}};
  p.payload = std::string(dice.below(60), 'x');
  choose_protocol(p, from_pod, dice);
  choose_headers(p, dice);
  if (!dice.one_in(6)) return p.frame();
  p.payload.resize(64, 'x');
  if (!p.transport.empty()) p.transport.resize(64);
  const auto offset = dice.one_in(2) ? 0 : 24 + 8 * dice.below(2);
  return p.fragment(offset, offset == 0 ? 24 : 8 * (1 + dice.below(4)), dice.below(3));
}

void mangle(Bytes& frame, Dice& dice) {
  constexpr std::size_t least = ethernet_header + 1;  // BPF_PROG_TEST_RUN takes no empty packet
  const auto changes = dice.below(4);
  for (std::uint32_t i = 0; i < changes; ++i) {
    const auto reach = dice.one_in(2) ? std::min<std::size_t>(frame.size(), ethernet_header + 64) : frame.size();
    auto& byte = frame[ethernet_header + dice.below(reach - ethernet_header)];
    byte = dice.one_in(2) ? static_cast<std::uint8_t>(byte ^ 1u << dice.below(8))
                          : static_cast<std::uint8_t>(dice.below(256));
  }
  if (dice.one_in(3)) frame.resize(least + dice.below(frame.size() - least + 1));
  if (dice.one_in(8)) frame.resize(frame.size() + 1 + dice.below(16));
  if (dice.one_in(3)) fix_checksums(frame);
}

}  // namespace masq::bpf::fuzz
