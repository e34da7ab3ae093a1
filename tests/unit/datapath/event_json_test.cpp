// SPDX-License-Identifier: Apache-2.0
#include "datapath/event_json.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <chrono>
#include <string>

#include "datapath/event.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

Event of_type(const std::string& type) {
  Event event{.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'042)),
              .type = type,
              .protocol = IPPROTO_ICMPV6,
              .pod = "fd00::5"_ip,
              .pod_port = 40000,
              .remote = "2001:db8::1"_ip,
              .remote_port = 443};
  if (type == "drop") {
    event.reason = "pod_limit";
    event.direction = "egress";
  } else {
    event.external = "2001:db8::10"_ip;
    event.external_port = 20000;
  }
  return event;
}

TEST(EventJson, IsReadAsItIsWritten) {
  for (const auto* type : {"created", "ended", "drop"}) {
    const auto line = render_event_json(of_type(type));
    const auto event = parse_event_json(line);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->time, of_type(type).time);
    EXPECT_EQ(event->protocol, IPPROTO_ICMPV6);
    EXPECT_EQ(render_event_json(*event), line);
  }
}

// The fuzzer of documents found the overflow.
TEST(EventJson, ATimeThatNoClockHasIsTheFirstOne) {
  for (const auto* time : {"3026-11-23T03:01:37.185Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"}) {
    const auto event = parse_event_json(fmt::format(R"({{"type":"created","time":"{}"}})", time));
    ASSERT_TRUE(event) << time;
    EXPECT_EQ(event->time, std::chrono::system_clock::time_point()) << time;
  }
}

TEST(EventJson, OfAnotherVersionIsReadAsFarAsItIsKnown) {
  EXPECT_FALSE(parse_event_json("{"));
  EXPECT_FALSE(parse_event_json("[]"));
  const auto event =
      parse_event_json(R"({"type":"drop","reason":7,"pod":"x","remote":{"address":"y"},"time":"z","more":{}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, "drop");
  EXPECT_EQ(event->reason, "");
}

}  // namespace
}  // namespace masq
