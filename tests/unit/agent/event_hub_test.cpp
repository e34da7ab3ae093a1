// SPDX-License-Identifier: Apache-2.0
#include "agent/export/event_hub.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "datapath/event.hpp"
#include "datapath/event_json.hpp"
#include "datapath/event_source.hpp"
#include "os/fd.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/os/loop_test.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

// The state of a fake source, which outlives it.
struct Kernel {
  os::Fd ready{eventfd(0, EFD_NONBLOCK)};
  std::vector<Event> events;
  std::uint64_t lost = 0;
  EventTypes wanted;
  int opened = 0, open = 0;

  void report(const std::vector<Event>& more) {
    events.insert(events.end(), more.begin(), more.end());
    eventfd_write(ready.get(), 1);
  }
};

class FakeEventSource final : public EventSource {
 public:
  explicit FakeEventSource(Kernel& kernel) : kernel_(kernel) { ++kernel_.opened, ++kernel_.open; }
  ~FakeEventSource() override { --kernel_.open; }
  int fd() const override { return kernel_.ready.get(); }
  void take(const std::function<void(const Event&)>& visit) override {
    eventfd_t count = 0;
    eventfd_read(fd(), &count);
    for (const auto& event : std::exchange(kernel_.events, {})) visit(event);
  }
  std::uint64_t renew(const EventTypes& types) override {
    kernel_.wanted = types;
    return std::exchange(kernel_.lost, 0);
  }

 private:
  Kernel& kernel_;
};

Event event(const std::string& type, std::uint16_t port = 40000) {
  return {.type = type,
          .protocol = IPPROTO_TCP,
          .pod = "10.0.1.5"_ip,
          .pod_port = port,
          .remote = "203.0.113.9"_ip,
          .remote_port = 443,
          .external = "192.0.2.10"_ip,
          .external_port = port,
          .state = "new"};
}

// The lines with events, and the events that lines report as lost.
std::uint64_t shown_and_lost(const std::string& text) {
  std::uint64_t sum = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto count = line.find("\"count\":");
    sum += count == std::string::npos ? 1 : std::stoull(line.substr(count + 8));
  }
  return sum;
}

class EventHubTest : public os::LoopTest {
 protected:
  Kernel kernel;
  FakeTimers timers;
  EventHub hub{*loop, timers, [this](const EventTypes&) -> Result<std::unique_ptr<EventSource>> {
                 return std::make_unique<FakeEventSource>(kernel);
               }};

  // The reader's end of its connection.
  os::Fd add(const EventTypes& types = {}) {
    EXPECT_TRUE(hub.prepare(types));
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    hub.add(os::Fd(ends[0]), types);
    return os::Fd(ends[1]);
  }
  void pass_second() {
    catch_up();
    timers.pass(std::chrono::seconds(1));
  }
  std::string receive(const os::Fd& reader) {
    std::string text(1 << 20, '\0');
    const ssize_t size = recv(reader.get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }
};

TEST_F(EventHubTest, EachReaderGetsTheEventsOfItsTypes) {
  const auto all = add(), drops = add({"drop"});
  EXPECT_EQ(kernel.wanted, EventTypes{}) << "all, for the first one";
  kernel.report({event("created"), event("drop"), event("ended")});
  catch_up();
  EXPECT_EQ(receive(all), render_event_json(event("created")) + "\n" + render_event_json(event("drop")) + "\n" +
                              render_event_json(event("ended")) + "\n");
  EXPECT_EQ(receive(drops), render_event_json(event("drop")) + "\n");
  EXPECT_EQ(kernel.opened, 1);
}

TEST_F(EventHubTest, TheSourceRecordsOnlyTheTypesThatAReaderWants) {
  const auto drops = add({"drop"}), ends = add({"ended"});
  EXPECT_EQ(kernel.wanted, (EventTypes{"drop", "ended"}));
}

TEST_F(EventHubTest, TheSourceIsClosedAfterTheLastReader) {
  auto first = add(), second = add();
  first.reset();
  pass_second();
  EXPECT_EQ(hub.readers(), 1u);
  EXPECT_EQ(kernel.open, 1);
  second.reset();
  pass_second();
  EXPECT_EQ(kernel.open, 0);
  const auto third = add();
  kernel.report({event("created")});
  catch_up();
  EXPECT_FALSE(receive(third).empty());
}

TEST_F(EventHubTest, AReaderThatNeverFollowsLeavesNoSourceOpen) {
  ASSERT_TRUE(hub.prepare({}));
  EXPECT_EQ(kernel.open, 1);
  pass_second();
  EXPECT_EQ(kernel.open, 0);
}

TEST_F(EventHubTest, ASlowReaderLosesEventsOfItsOwn) {
  const auto slow = add(), quick = add();
  std::uint64_t received = 0;
  for (int round = 0; round < 25; ++round) {
    kernel.report(std::vector<Event>(200, event("created")));
    catch_up();
    for (auto text = receive(quick); !text.empty(); text = receive(quick))
      received += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  }
  EXPECT_EQ(received, 5000u);
  std::string text;
  EXPECT_TRUE(eventually([&] {
    pass_second();
    text += receive(slow);
    return shown_and_lost(text) == 5000;
  })) << shown_and_lost(text);
  EXPECT_NE(text.find("notShown"), std::string::npos);
}

TEST_F(EventHubTest, WhatTheSourceLosesIsReportedToEachReader) {
  const auto first = add(), second = add();
  kernel.lost = 7;
  pass_second();
  for (const auto* reader : {&first, &second})
    EXPECT_EQ(receive(*reader), "{\"type\":\"notShown\",\"kind\":\"lost\",\"count\":7}\n");
}

TEST(ParseEventTypes, OfATarget) {
  EXPECT_EQ(parse_event_types("/v1/events").value(), EventTypes{});
  EXPECT_EQ(parse_event_types("/v1/events?type=created,drop").value(), (EventTypes{"created", "drop"}));
  EXPECT_EQ(parse_event_types("/v1/events?type=created,x").error().message,
            "type: \"x\": one of created, ended, drop is expected");
}

}  // namespace
}  // namespace masq::agent
