// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/http_client.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kubernetes/access.hpp"
#include "kubernetes/api.hpp"
#include "os/http_server.hpp"
#include "os/tcp_socket.hpp"
#include "unit/os/loop_test.hpp"
#include "unit/os/port_of.hpp"

namespace masq::kubernetes {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class HttpClientTest : public os::LoopTest {
 protected:
  HttpClientTest() {
    auto listener = os::listen_on_tcp("127.0.0.1:0").value();
    url = fmt::format("http://127.0.0.1:{}", os::port_of(listener));
    server = os::HttpServer::open(*loop, std::move(listener), [this](std::string_view target) {
               if (target == "/hang") return os::HttpReply{.stream = [this](os::Fd fd) { silent = std::move(fd); }};
               if (target == "/no") return os::HttpReply{.status = 404, .body = "none"};
               return os::HttpReply{.body = std::string(target)};
             }).value();
  }

  std::string url;
  std::unique_ptr<os::HttpServer> server;
  os::Fd silent;
  HttpClient client{*loop};
  std::string body;
  std::optional<Result<int>> result;

  std::unique_ptr<HttpClient::Exchange> get(const std::string& path, milliseconds silence = milliseconds(10'000)) {
    body.clear();
    result.reset();
    return client
        .start({.url = url + path, .silence_limit = silence},
               {.began = {},
                .received = [this](int, std::string_view piece) -> Result<void> {
                  body += piece;
                  if (body == "/refused") return fail("not as expected");
                  return {};
                },
                .ended = [this](Result<int> status) { result = std::move(status); }})
        .value();
  }
  bool wait() {
    return eventually([this] { return result.has_value(); });
  }
};

TEST_F(HttpClientTest, ReadsAReply) {
  const auto exchange = get("/there");
  ASSERT_TRUE(wait());
  EXPECT_EQ(*result, 200);
  EXPECT_EQ(body, "/there");
  const auto other = get("/no");
  ASSERT_TRUE(wait());
  EXPECT_EQ(*result, 404);
  EXPECT_EQ(body, "none");
}

TEST_F(HttpClientTest, ARefusedConnectionIsAnError) {
  server.reset();
  const auto exchange = get("/there");
  ASSERT_TRUE(wait());
  EXPECT_THAT(result->error().message, HasSubstr("connect"));
}

TEST_F(HttpClientTest, SilenceEndsARequest) {
  const auto exchange = get("/hang", milliseconds(50));
  ASSERT_TRUE(wait());
  EXPECT_EQ(result->error().message, "no data for 0.05 s");
}

TEST_F(HttpClientTest, AnErrorOfTheReaderEndsARequest) {
  const auto exchange = get("/refused");
  ASSERT_TRUE(wait());
  EXPECT_EQ(result->error().message, "not as expected");
}

TEST_F(HttpClientTest, TheEndOfAnExchangeCancelsIt) {
  auto exchange = get("/hang");
  ASSERT_TRUE(eventually([this] { return static_cast<bool>(silent); }));
  exchange.reset();
  catch_up();
  EXPECT_FALSE(result.has_value());
}

TEST_F(HttpClientTest, TheApiCountsRepliesByStatus) {
  Api api(*loop, [this]() -> Result<Access> { return Access{.server = url}; });
  for (const char* path : {"/a", "/b", "/no"}) {
    result.reset();
    const auto exchange =
        api.start({.path_and_query = path}, {.began = {},
                                             .received = [](int, std::string_view) -> Result<void> { return {}; },
                                             .ended = [this](Result<int> status) { result = std::move(status); }})
            .value();
    ASSERT_TRUE(wait());
  }
  EXPECT_THAT(api.requests(), ElementsAre(Pair(200, 2U), Pair(404, 1U)));
}

}  // namespace
}  // namespace masq::kubernetes
