// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/reflector.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "unit/agent/fakes.hpp"

namespace masq::kubernetes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The names and versions of objects.
class Names final : public ObjectSink {
 public:
  void begin_list() override { listed.clear(); }
  Result<void> list(const Json& object) override {
    listed[object["metadata"]["name"]] = 1;
    return {};
  }
  bool end_list() override {
    ++lists;
    if (doubts > 0) return doubts-- == 0;
    known = listed;
    return true;
  }
  Result<void> set(const Json& object) override {
    ++known[object["metadata"]["name"]];
    return {};
  }
  Result<void> remove(const Json& object) override {
    known.erase(object["metadata"]["name"]);
    return {};
  }
  void in_touch() override { error.clear(); }
  void lose_touch(const Error& why) override { error = why.message; }

  std::map<std::string, int> known, listed;
  std::string error;
  int lists = 0;
  int doubts = 0;
};

// The objects as a sink gets them.
class Sink final : public ObjectSink {
 public:
  explicit Sink(std::vector<Json>& seen) : seen_(seen) {}
  void begin_list() override {}
  Result<void> list(const Json& object) override { return set(object); }
  bool end_list() override { return true; }
  Result<void> set(const Json& object) override {
    seen_.push_back(object);
    return {};
  }
  Result<void> remove(const Json& /*object*/) override { return {}; }
  void in_touch() override {}
  void lose_touch(const Error& /*error*/) override {}

 private:
  std::vector<Json>& seen_;
};

class ReflectorTest : public ::testing::Test {
 protected:
  struct Sent {
    std::string query;
    bool new_connection;
    HttpHandlers handlers;
  };
  class Exchange final : public HttpClient::Exchange {
   public:
    explicit Exchange(int& open) : open_(open) { ++open_; }
    ~Exchange() override { --open_; }

   private:
    int& open_;
  };

  agent::FakeTimers timers;
  Names names;
  int open = 0;
  std::vector<Sent> sent;
  std::string refusal;  // of the next requests before they are sent
  Reflector reflector{
      [this](const ApiRequest& request, HttpHandlers handlers) { return start(request, std::move(handlers)); },
      timers,
      {.path = "/nodes", .field_selector = {}},
      names,
      [] { return 0.5; }};

  Result<std::unique_ptr<HttpClient::Exchange>> start(const ApiRequest& request, HttpHandlers handlers) {
    if (!refusal.empty()) return fail("{}", refusal);
    sent.push_back({request.path_and_query, request.new_connection, std::move(handlers)});
    return std::make_unique<Exchange>(open);
  }

  // The server's part. Returns false if the client has ended the request.
  bool say(const std::string& body, int status = 200) {
    auto& handlers = sent.back().handlers;
    handlers.began(status);
    const auto taken = handlers.received(status, body);
    if (!taken) end(std::unexpected(taken.error()));
    return taken.has_value();
  }
  void end(Result<int> status = 200) {
    const auto ended = sent.back().handlers.ended;
    ended(std::move(status));
    timers.pass(milliseconds(0));
  }
  void answer(const std::string& body, int status = 200) {
    if (say(body, status)) end(status);
  }
  void answer_list(const std::string& names_of_nodes, const std::string& version, const std::string& more = "") {
    std::string items;
    for (const char name : names_of_nodes)
      items += std::string(items.empty() ? "" : ",") + R"({"metadata":{"name":")" + name + "\"}}";
    answer(R"({"metadata":{"resourceVersion":")" + version + R"(","continue":")" + more + R"("},"items":[)" + items +
           "]}");
  }
  static std::string event(const std::string& type, const std::string& name, const std::string& version) {
    return R"({"type":")" + type + R"(","object":{"metadata":{"name":")" + name + R"(","resourceVersion":")" + version +
           "\"}}}\n";
  }
  std::vector<std::string> known() const {
    std::vector<std::string> found;
    for (const auto& [name, changes] : names.known) found.push_back(name);
    return found;
  }
  const std::string& last() const { return sent.back().query; }
};

TEST_F(ReflectorTest, AListInChunksIsInForceWhenItIsComplete) {
  reflector.start();
  EXPECT_EQ(last(), "/nodes?limit=500");
  answer_list("ab", "7", "n e/xt");
  EXPECT_THAT(known(), IsEmpty());
  EXPECT_EQ(last(), "/nodes?limit=500&continue=n%20e%2Fxt");
  answer_list("c", "7");
  EXPECT_THAT(known(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(last(), "/nodes?watch=1&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=450");
  EXPECT_EQ(open, 1);
}

TEST_F(ReflectorTest, AWatchGoesOnWhereTheLastOneEnded) {
  reflector.start();
  answer_list("ab", "7");
  say(event("ADDED", "c", "8") + event("DELETED", "a", "9") + event("MODIFIED", "b", "10") +
      event("BOOKMARK", "", "20"));
  EXPECT_THAT(known(), ElementsAre("b", "c"));
  EXPECT_EQ(names.known["b"], 2);
  timers.pass(seconds(11));
  end();
  EXPECT_THAT(last(), HasSubstr("resourceVersion=20&"));
  EXPECT_EQ(names.lists, 1);
  EXPECT_EQ(names.error, "");
}

TEST_F(ReflectorTest, MembersThatTheSinkDoesNotReadAreSkipped) {
  std::vector<Json> seen;
  Sink sink(seen);
  Reflector reading(
      [this](const ApiRequest& request, HttpHandlers handlers) { return start(request, std::move(handlers)); }, timers,
      {.path = "/nodes", .field_selector = {}, .unread = {"images", "labels"}}, sink, [] { return 0.5; });
  reading.start();
  const std::string object =
      R"({"metadata":{"name":"a","labels":{"labels":[1,{"x":2}]},"resourceVersion":"8"},"images":[{"names":["i"]},[]],)"
      R"("status":{"images":7,"addresses":[{"type":"InternalIP","labels":null},{"type":"y"}]},"last":true})";
  const auto read = Json::parse(
      R"({"metadata":{"name":"a","resourceVersion":"8"},"status":{"addresses":[{"type":"InternalIP"},{"type":"y"}]},)"
      R"("last":true})");
  answer(R"({"metadata":{"resourceVersion":"7"},"items":[)" + object + "]}");
  say(R"({"type":"MODIFIED","object":)" + object + "}");
  EXPECT_THAT(seen, ElementsAre(read, read));
}

TEST_F(ReflectorTest, AWatchThatEndsAtOnceIsNotOpenedInALoop) {
  reflector.start();
  answer_list("a", "7");
  for (int i = 0; i < 5; ++i) answer("");
  EXPECT_THAT(sent, SizeIs(2));
  timers.pass(seconds(1));
  EXPECT_THAT(sent, SizeIs(3));
}

TEST_F(ReflectorTest, AForgottenVersionIsListedAgain) {
  reflector.start();
  answer_list("ab", "7");
  say(R"({"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}})");
  EXPECT_EQ(names.error, "");
  timers.pass(seconds(5));
  EXPECT_EQ(last(), "/nodes?limit=500");
  EXPECT_THAT(known(), ElementsAre("a", "b"));
  answer_list("b", "30");
  answer("{}", 410);
  timers.pass(seconds(5));
  EXPECT_EQ(last(), "/nodes?limit=500");
}

// The version may be unknown to a server that was restored from a copy.
TEST_F(ReflectorTest, AnyOtherErrorOfTheWatchIsListedAgainAndShown) {
  reflector.start();
  answer_list("ab", "7");
  say(R"({"type":"ERROR","object":{"code":504,"message":"Too large resource version"}})");
  EXPECT_EQ(names.error, "504: Too large resource version");
  timers.pass(seconds(2));
  EXPECT_EQ(last(), "/nodes?limit=500");
}

TEST_F(ReflectorTest, ChunksThatExpireAreListedInOnePiece) {
  reflector.start();
  answer_list("a", "7", "next");
  answer("{}", 410);
  timers.pass(seconds(2));
  EXPECT_EQ(last(), "/nodes?limit=0");
  answer_list("ab", "9");
  EXPECT_THAT(known(), ElementsAre("a", "b"));
}

TEST_F(ReflectorTest, FailuresAreRepeatedLaterAndLater) {
  reflector.start();
  std::vector<std::int64_t> delays;
  for (int i = 0; i < 8; ++i) {
    const auto requests = sent.size();
    end(fail("connection refused"));
    EXPECT_EQ(names.error, "connection refused");
    std::int64_t waited = 0;
    for (; sent.size() == requests; ++waited) timers.pass(seconds(1));
    delays.push_back(waited);
    EXPECT_TRUE(sent.back().new_connection);
  }
  EXPECT_THAT(delays, ElementsAre(1, 2, 4, 8, 16, 30, 30, 30));
}

TEST_F(ReflectorTest, AFailureBeforeTheRequestIsRepeatedToo) {
  refusal = "no token";
  reflector.start();
  EXPECT_EQ(names.error, "no token");
  refusal.clear();
  timers.pass(seconds(1));
  EXPECT_THAT(sent, SizeIs(1));
}

TEST_F(ReflectorTest, ARefusalHasTheServersWords) {
  reflector.start();
  answer(R"({"kind":"Status","message":"nodes is forbidden"})", 403);
  EXPECT_EQ(names.error, "403: nodes is forbidden");
  timers.pass(seconds(1));
  answer(std::string(10'000, 'x'), 502);
  EXPECT_EQ(names.error, "502: " + std::string(200, 'x'));
}

TEST_F(ReflectorTest, AnExpiredTokenKeepsTheVersion) {
  reflector.start();
  answer_list("ab", "7");
  answer(R"({"message":"Unauthorized"})", 401);
  EXPECT_EQ(names.error, "401: Unauthorized");
  timers.pass(seconds(1));
  EXPECT_THAT(last(), HasSubstr("watch=1"));
  EXPECT_EQ(names.lists, 1);
}

// Its server may hang, or the connection may be dead without a sign.
TEST_F(ReflectorTest, ASilentWatchIsOpenedAgainByAnotherConnection) {
  reflector.start();
  answer_list("ab", "7");
  sent.back().handlers.began(200);
  timers.pass(seconds(39));
  EXPECT_THAT(sent, SizeIs(2));
  timers.pass(seconds(1));
  EXPECT_THAT(sent, SizeIs(3));
  EXPECT_TRUE(sent.back().new_connection);
  EXPECT_EQ(open, 1);
  EXPECT_EQ(names.error, "");
  say(event("ADDED", "c", "8"));
  timers.pass(seconds(39));
  EXPECT_THAT(sent, SizeIs(3));
}

TEST_F(ReflectorTest, AWatchThatBreaksIsOpenedAgainWithoutAnError) {
  reflector.start();
  answer_list("ab", "7");
  say(event("ADDED", "c", "8"));
  end(fail("connection reset"));
  EXPECT_EQ(names.error, "");
  timers.pass(seconds(1));
  EXPECT_THAT(last(), HasSubstr("resourceVersion=8&"));
  end(fail("connection refused"));
  EXPECT_EQ(names.error, "connection refused");
}

TEST_F(ReflectorTest, ADoubtfulListIsConfirmedByAnother) {
  names.doubts = 1;
  reflector.start();
  answer_list("a", "7");
  EXPECT_THAT(sent, SizeIs(1));
  timers.pass(seconds(5));
  EXPECT_EQ(last(), "/nodes?limit=500");
  answer_list("a", "8");
  EXPECT_THAT(last(), HasSubstr("watch=1"));
}

// What is known stays in force.
class ReflectorMangled : public ReflectorTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(ReflectorMangled, AnAnswerThatIsNotAsExpectedChangesNothing) {
  reflector.start();
  answer_list("ab", "7");
  for (const bool in_list : {false, true}) {
    if (in_list) say(R"({"type":"ERROR","object":{"code":410}})");
    timers.pass(seconds(40));
    ASSERT_EQ(last().contains("watch"), !in_list);
    answer(GetParam());
    EXPECT_NE(names.error, "");
    EXPECT_THAT(known(), ElementsAre("a", "b"));
    if (!in_list) timers.pass(seconds(40));
  }
}

INSTANTIATE_TEST_SUITE_P(, ReflectorMangled,
                         ::testing::Values("<html>502</html>", "[]", "null", R"({"type":"ADDED"})",
                                           R"({"type":"ADDED","object":[]})", R"({"type":7,"object":{}})",
                                           R"({"items":[{"metadata":{"name":"c"}}]})", R"({"items":[{"a":}]})"));

TEST_F(ReflectorTest, ATextThatIsCutChangesNothing) {
  reflector.start();
  answer_list("ab", "7");
  answer(event("ADDED", "c", "8") + R"({"type":"ADDED","obj)");
  EXPECT_THAT(known(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(names.error, "");
  timers.pass(seconds(2));
  EXPECT_THAT(last(), HasSubstr("resourceVersion=8&"));
  say(R"({"type":"ERROR","object":{"code":410}})");
  timers.pass(seconds(5));
  answer(R"({"items":[{"metadata":{"name":"d"}})");
  EXPECT_EQ(names.error, "the JSON text ends too early");
  EXPECT_THAT(known(), ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace masq::kubernetes
