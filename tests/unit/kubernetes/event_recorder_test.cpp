// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/event_recorder.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <expected>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/http_client.hpp"
#include "unit/agent/fakes.hpp"

namespace masq::kubernetes {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class EventRecorderTest : public ::testing::Test {
 protected:
  using Json = nlohmann::json;

  agent::FakeTimers timers;
  std::vector<ApiRequest> sent;
  std::vector<std::string> failures;
  std::string refusal;  // of the next requests before they are sent
  EventRecorder events{
      timers,
      {.node_name = "node1",
       .component = "masqd",
       .start_request = [this](const ApiRequest& request,
                               HttpHandlers handlers) { return start(request, std::move(handlers)); },
       .random = [] { return 0.5; },
       .wall_clock = [this] { return std::chrono::system_clock::time_point(timers.now().time_since_epoch()); },
       .failed = [this](const Error& error) { failures.push_back(error.message); }}};

  Result<std::unique_ptr<HttpClient::Exchange>> start(const ApiRequest& request, HttpHandlers handlers) {
    if (!refusal.empty()) return fail("{}", refusal);
    sent.push_back(request);
    handlers_ = std::move(handlers);
    return std::make_unique<HttpClient::Exchange>();
  }
  void answer(int status, const std::string& body = "{}") {
    ASSERT_TRUE(handlers_.received(status, body));
    end(status);
  }
  void end(Result<int> status) {
    const auto ended = handlers_.ended;
    ended(std::move(status));
  }
  void record(const std::string& message) {
    events.record({.is_warning = true, .reason = "Rejected", .message = message});
  }
  // Records an Event and writes it.
  void write(const std::string& message) {
    record(message);
    timers.pass(seconds(10));
    answer(201);
  }
  Json body() const { return Json::parse(sent.back().body); }
  std::string message() const { return body()["message"]; }

 private:
  HttpHandlers handlers_;
};

TEST_F(EventRecorderTest, WritesAnEventAboutTheNode) {
  record("line 1: \"x\"");
  timers.pass(seconds(5));
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].method, "POST");
  EXPECT_EQ(sent[0].path_and_query, "/api/v1/namespaces/default/events");
  EXPECT_EQ(sent[0].content_type, "application/json");
  const auto event = body();
  EXPECT_EQ(event["involvedObject"],
            Json({{"apiVersion", "v1"}, {"kind", "Node"}, {"name", "node1"}, {"uid", "node1"}}));
  EXPECT_EQ(event["metadata"]["namespace"], "default");
  EXPECT_THAT(std::string(event["metadata"]["name"]), StartsWith("node1."));
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "Rejected");
  EXPECT_EQ(event["message"], "line 1: \"x\"");
  EXPECT_EQ(event["source"], Json({{"component", "masqd"}, {"host", "node1"}}));
  EXPECT_EQ(event["count"], 1);
  EXPECT_EQ(event["firstTimestamp"], "1970-01-01T01:00:02Z") << "the fake's hour, and half of the spread";
  EXPECT_EQ(event["lastTimestamp"], event["firstTimestamp"]);
  answer(201);
  timers.pass(hours(1));
  EXPECT_THAT(sent, SizeIs(1)) << "once";
  EXPECT_THAT(failures, IsEmpty());
}

TEST_F(EventRecorderTest, OfSeveralEventsInTheIntervalTheLastIsWritten) {
  write("first");
  for (const auto* const text : {"a", "b", "last"}) record(text);
  timers.pass(seconds(9));
  EXPECT_THAT(sent, SizeIs(1));
  timers.pass(seconds(1));
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(message(), "last");
}

TEST_F(EventRecorderTest, AnEventDuringARequestIsWrittenAfterIt) {
  record("first");
  timers.pass(seconds(5));
  record("second");
  timers.pass(seconds(60));
  ASSERT_THAT(sent, SizeIs(1)) << "one request at a time";
  answer(201);
  timers.pass(seconds(10));
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(message(), "second");
}

TEST_F(EventRecorderTest, AnEventThatReturnsIncrementsTheCountOfItsObject) {
  write("bad");
  const std::string name = body()["metadata"]["name"];
  write("worse");
  record("bad");
  timers.pass(seconds(10));
  ASSERT_THAT(sent, SizeIs(3));
  EXPECT_EQ(sent[2].method, "PATCH");
  EXPECT_EQ(sent[2].path_and_query, "/api/v1/namespaces/default/events/" + name);
  EXPECT_EQ(sent[2].content_type, "application/merge-patch+json");
  EXPECT_EQ(body(), Json({{"count", 2}, {"lastTimestamp", "1970-01-01T01:00:30Z"}}));
  answer(200);
  record("bad");
  timers.pass(seconds(10));
  EXPECT_EQ(body()["count"], 3);
}

TEST_F(EventRecorderTest, AnEventWhoseObjectIsDeletedIsCreatedAgain) {
  write("bad");
  const std::string name = body()["metadata"]["name"];
  record("bad");
  timers.pass(seconds(10));
  answer(404);
  ASSERT_THAT(sent, SizeIs(3));
  EXPECT_EQ(sent[2].method, "POST");
  EXPECT_NE(body()["metadata"]["name"], name);
  answer(201);
  EXPECT_THAT(failures, IsEmpty());
}

TEST_F(EventRecorderTest, AFailureIsRepeatedWithBackOff) {
  record("bad");
  timers.pass(seconds(5));
  answer(403, R"({"kind":"Status","message":"events is forbidden"})");
  EXPECT_THAT(failures, ElementsAre("403: events is forbidden"));
  timers.pass(seconds(9));
  EXPECT_THAT(sent, SizeIs(1));
  timers.pass(seconds(1));
  ASSERT_THAT(sent, SizeIs(2));
  end(fail("no answer within 10 s"));
  timers.pass(seconds(19));
  EXPECT_THAT(sent, SizeIs(2));
  timers.pass(seconds(1));
  ASSERT_THAT(sent, SizeIs(3));
  EXPECT_EQ(message(), "bad");
  for (int i = 0; i < 10; ++i) {
    end(fail("away"));
    timers.pass(std::chrono::minutes(10));
  }
  EXPECT_THAT(sent, SizeIs(13)) << "at least every ten minutes";
}

TEST_F(EventRecorderTest, ARequestThatCannotBeSentIsAFailure) {
  refusal = "no token";
  record("bad");
  timers.pass(seconds(5));
  EXPECT_THAT(failures, ElementsAre("no token"));
  refusal.clear();
  timers.pass(seconds(10));
  EXPECT_THAT(sent, SizeIs(1));
}

TEST_F(EventRecorderTest, AnotherEventReplacesTheOneThatFails) {
  record("bad");
  timers.pass(seconds(5));
  answer(500);
  record("good");
  timers.pass(seconds(5));
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(message(), "good");
  answer(201);
  timers.pass(hours(1));
  EXPECT_THAT(sent, SizeIs(2));
}

TEST_F(EventRecorderTest, LongMessagesAndNamesAreCut) {
  std::string text(1023, 'x');
  text += "\xc3\xa9\xff";  // é crosses the limit
  write(text);
  EXPECT_EQ(message(), std::string(1023, 'x'));
  write("bytes \xff that are no UTF-8");
  EXPECT_EQ(message(), "bytes \xef\xbf\xbd that are no UTF-8");
}

TEST_F(EventRecorderTest, ObjectsOfLongAgoAreForgotten) {
  write("first");
  for (std::size_t i = 0; i < EventRecorder::max_written; ++i) write(std::to_string(i));
  record("first");
  timers.pass(seconds(10));
  EXPECT_EQ(sent.back().method, "POST");
}

}  // namespace
}  // namespace masq::kubernetes
