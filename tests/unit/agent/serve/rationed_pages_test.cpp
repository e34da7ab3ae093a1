// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/rationed_pages.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <string_view>

#include "unit/agent/fakes.hpp"

namespace masq::agent {
namespace {

class RationedPagesTest : public ::testing::Test {
 protected:
  FakeTimers timers;
  int made = 0;
  std::chrono::milliseconds duration{0};
  RationedPages pages{timers, [this](std::string_view path) {
                        if (path != "/metrics" && path != "/readyz") return os::HttpReply{.status = 404};
                        timers.pass(duration);
                        return os::HttpReply{.body = std::string(path) + std::to_string(++made)};
                      }};
  std::string body(std::string_view path) { return pages.get(path).body; }
};

TEST_F(RationedPagesTest, MakesEachPageForAClientThatAsksNowAndThen) {
  for (int i = 1; i < 100; ++i) {
    EXPECT_EQ(body("/metrics"), "/metrics" + std::to_string(i));
    timers.pass(std::chrono::milliseconds(250));
  }
}

TEST_F(RationedPagesTest, RepeatsThePageForManyRequests) {
  for (int i = 0; i < 1000; ++i) (void)body("/metrics");
  EXPECT_EQ(made, 11);
  EXPECT_EQ(body("/readyz"), "/readyz12") << "a page that was never made is made";
  timers.pass(std::chrono::milliseconds(250));
  for (int i = 0; i < 1000; ++i) (void)body("/metrics");
  EXPECT_EQ(made, 13);
  EXPECT_EQ(body("/metrics"), "/metrics13");
}

TEST_F(RationedPagesTest, PagesTakeAFifthOfTheTimeAtMost) {
  duration = std::chrono::milliseconds(100);
  for (int i = 0; i < 1000; ++i) {
    (void)body("/metrics");
    timers.pass(std::chrono::milliseconds(10));
  }
  EXPECT_GE(made, 20);
  EXPECT_LE(made, 26) << "each rests for four times its duration";
}

TEST_F(RationedPagesTest, KeepsNoPageThatDoesNotExist) {
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(pages.get("/" + std::to_string(i)).status, 404);
  EXPECT_EQ(body("/metrics"), "/metrics1");
}

}  // namespace
}  // namespace masq::agent
