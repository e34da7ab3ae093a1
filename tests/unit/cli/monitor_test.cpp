// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/command.hpp"
#include "cli/flood_gate.hpp"
#include "datapath/event.hpp"
#include "unit/cli/fake_context.hpp"
#include "unit/words.hpp"

namespace masq::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Event made() {
  return {.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'042)),
          .type = "created",
          .protocol = IPPROTO_TCP,
          .pod = "10.0.1.5"_ip,
          .pod_port = 40000,
          .remote = "203.0.113.9"_ip,
          .remote_port = 443,
          .external = "192.0.2.10"_ip,
          .external_port = 20000,
          .state = "new"};
}
Event ended() {
  auto event = made();
  event.type = "ended";
  event.state = "closing";
  return event;
}
Event drop() {
  auto event = made();
  event.type = "drop";
  event.protocol = IPPROTO_UDP;
  event.pod = "fd00::5"_ip;
  event.remote = "2001:db8::1"_ip;
  event.reason = "pod_limit";
  event.direction = "egress";
  return event;
}

TEST(Monitor, ALineForEachEvent) {
  FakeContext context{.events = {made(), ended(), drop()}};
  EXPECT_EQ(context.run({"monitor"}), exit_done);
  EXPECT_EQ(context.out,
            "2023-11-14T22:13:20.042Z created TCP 10.0.1.5:40000 -> 203.0.113.9:443 XLATE_SRC 192.0.2.10:20000\n"
            "2023-11-14T22:13:20.042Z ended   TCP 10.0.1.5:40000 -> 203.0.113.9:443 XLATE_SRC 192.0.2.10:20000 "
            "state=closing\n"
            "2023-11-14T22:13:20.042Z drop    UDP [fd00::5]:40000 -> [2001:db8::1]:443 egress pod_limit\n");
}

TEST(Monitor, InJsonADocumentALine) {
  FakeContext context{.events = {ended(), drop()}, .lost = 7};
  EXPECT_EQ(context.run({"monitor", "-o", "json"}), exit_done);
  EXPECT_EQ(context.out, R"({"time":"2023-11-14T22:13:20.042Z","type":"ended","protocol":"TCP",)"
                         R"("pod":{"address":"10.0.1.5","port":40000},"remote":{"address":"203.0.113.9","port":443},)"
                         R"("external":{"address":"192.0.2.10","port":20000},"state":"closing"})"
                         "\n"
                         R"({"time":"2023-11-14T22:13:20.042Z","type":"drop","protocol":"UDP",)"
                         R"("pod":{"address":"fd00::5","port":40000},"remote":{"address":"2001:db8::1","port":443},)"
                         R"("direction":"egress","reason":"pod_limit"})"
                         "\n"
                         R"({"type":"notShown","kind":"lost","count":7})"
                         "\n");
}

TEST(Monitor, ShowsWhatWasAskedFor) {
  FakeContext context{.events = {made(), ended(), drop()}};
  EXPECT_EQ(context.run({"monitor", "--type", "ended,drop"}), exit_done);
  EXPECT_EQ(std::ranges::count(context.out, '\n'), 2);
  EXPECT_THAT(context.out, Not(HasSubstr(" made ")));
  EXPECT_EQ(context.run({"monitor", "--pod", "fd00::/64"}), exit_done);
  EXPECT_EQ(std::ranges::count(context.out, '\n'), 1);
}

TEST(Monitor, AFloodIsCountedAndHidesNothingElse) {
  FakeContext context{.events = std::vector<Event>(1000, drop()), .lost = 5000};
  context.events.push_back(made());
  EXPECT_EQ(context.run({"monitor"}), exit_done);
  EXPECT_EQ(std::ranges::count(context.out, '\n'), 103);
  EXPECT_THAT(context.out, HasSubstr(" created TCP"));
  EXPECT_THAT(context.out, HasSubstr("\n... 900 more: drop pod_limit\n... 5000 events were not recorded\n"));
}

TEST(Monitor, WrongUseAndFailure) {
  FakeContext context;
  EXPECT_EQ(context.run({"monitor", "--type", "created,lost"}), exit_wrong_use);
  EXPECT_EQ(context.err, "masq: --type: \"lost\": one of created, ended, drop is expected\n");
  EXPECT_EQ(context.run({"monitor", "--type", ""}), exit_wrong_use);
  EXPECT_EQ(context.run({"monitor", "--pod", "x"}), exit_wrong_use);
  context.table.is_pinned = false;
  EXPECT_EQ(context.run({"monitor"}), exit_failed);
}

TEST(FloodGate, ARoundBeginsAnew) {
  FloodGate gate(2);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gate.admits("a"), i < 2);
  EXPECT_TRUE(gate.admits("b"));
  const auto held = gate.end_round();
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].kind, "a");
  EXPECT_EQ(held[0].count, 3u);
  EXPECT_TRUE(gate.admits("a"));
  EXPECT_TRUE(gate.end_round().empty());
}

}  // namespace
}  // namespace masq::cli
