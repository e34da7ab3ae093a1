// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/events.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <cstring>

#include "base/address.hpp"
#include "bpf/abi/event.h"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "unit/words.hpp"

namespace masq::bpf {
namespace {

using std::chrono::seconds;

constexpr std::chrono::system_clock::time_point boot{seconds(1'000'000)};

masq_addr6 raw_address(const Address& address) {
  masq_addr6 raw{};
  std::memcpy(raw.bytes, address.bytes().data(), address.bytes().size());
  return raw;
}

masq_event raw_event(const Address& pod, const Address& remote, masq_event_type type) {
  masq_event raw{};
  raw.time = 1'500'000'000;
  raw.family = static_cast<std::uint8_t>(pod.family());
  raw.type = static_cast<std::uint8_t>(type);
  raw.protocol = IPPROTO_TCP;
  raw.pod = raw_address(pod);
  raw.remote = raw_address(remote);
  raw.pod_port = htons(40000);
  raw.remote_port = htons(443);
  return raw;
}

TEST(ToEvent, AMapping) {
  auto raw = raw_event("10.0.1.5"_ip, "203.0.113.9"_ip, MASQ_EVENT_ENDED);
  raw.external = raw_address("192.0.2.10"_ip);
  raw.external_port = htons(20000);
  raw.state = MASQ_STATE_ESTABLISHED;
  const auto event = to_event(raw, boot);
  EXPECT_EQ(event.type, "ended");
  EXPECT_EQ(event.time, boot + std::chrono::milliseconds(1500));
  EXPECT_EQ(event.pod, "10.0.1.5"_ip);
  EXPECT_EQ(event.pod_port, 40000);
  EXPECT_EQ(event.remote, "203.0.113.9"_ip);
  EXPECT_EQ(event.remote_port, 443);
  EXPECT_EQ(event.external, "192.0.2.10"_ip);
  EXPECT_EQ(event.external_port, 20000);
  EXPECT_EQ(event.state, "established");
  EXPECT_EQ(event.reason, "");
}

TEST(ToEvent, ADrop) {
  auto raw = raw_event("fd00::5"_ip, "2001:db8::1"_ip, MASQ_EVENT_DROP);
  raw.reason = MASQ_REASON_POD_LIMIT;
  raw.direction = MASQ_EGRESS;
  const auto event = to_event(raw, boot);
  EXPECT_EQ(event.type, "drop");
  EXPECT_EQ(event.pod, "fd00::5"_ip);
  EXPECT_EQ(event.reason, "pod_limit");
  EXPECT_EQ(event.direction, "egress");
}

TEST(ToEvent, AnEchoHasItsIdentifierTwice) {
  auto raw = raw_event("10.0.1.5"_ip, "203.0.113.9"_ip, MASQ_EVENT_CREATED);
  raw.protocol = IPPROTO_ICMP;
  raw.remote_port = htons(8);
  EXPECT_EQ(to_event(raw, boot).remote_port, 40000);
}

TEST(ToEvent, WhatIsNotKnownIsNoHarm) {
  auto raw = raw_event("10.0.1.5"_ip, "203.0.113.9"_ip, MASQ_EVENT_CREATED);
  raw.type = raw.state = raw.reason = 200;
  const auto event = to_event(raw, boot);
  EXPECT_EQ(event.type, "?");
  EXPECT_EQ(event.state, "?");
}

}  // namespace
}  // namespace masq::bpf
