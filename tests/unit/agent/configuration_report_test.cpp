// SPDX-License-Identifier: Apache-2.0
#include "agent/export/configuration_report.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/http_client.hpp"
#include "unit/agent/fakes.hpp"

namespace masq::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ConfigurationReportTest : public ::testing::Test {
 protected:
  FakeTimers timers;
  FakeLog log;
  std::vector<std::string> written;  // "TYPE REASON: MESSAGE"
  int status = 201;
  ConfigurationReport report{timers, "node1",
                             [this](const kubernetes::ApiRequest& request, kubernetes::HttpHandlers handlers) {
                               const auto event = nlohmann::json::parse(request.body);
                               written.push_back(event.value("type", "") + " " + event.value("reason", "") + ": " +
                                                 event.value("message", ""));
                               timers.call_after({}, [this, handlers = std::move(handlers)] {
                                 auto ended = handlers.ended;
                                 ended(status);
                               });
                               return Result<std::unique_ptr<kubernetes::HttpClient::Exchange>>(
                                   std::make_unique<kubernetes::HttpClient::Exchange>());
                             },
                             [] { return 0.0; }, log.log};

  void update(const std::string& error) {
    report.update(error);
    timers.pass(seconds(10));
  }
};

TEST_F(ConfigurationReportTest, ReportsARejectedConfigurationAndOneThatFollows) {
  update("file: line 2: \"x\"");
  update("");
  EXPECT_THAT(written, ElementsAre("Warning IPMasqAgentConfigRejected: file: line 2: \"x\"; the last valid "
                                   "configuration stays in force",
                                   "Normal IPMasqAgentConfigAccepted: The configuration of the ip-masq-agent is valid "
                                   "again, and in force"));
  EXPECT_THAT(log.take(), IsEmpty());
}

TEST_F(ConfigurationReportTest, AValidConfigurationIsNoNews) {
  update("");
  update("");
  EXPECT_THAT(written, IsEmpty());
}

TEST_F(ConfigurationReportTest, AFailureToWriteIsOneWarning) {
  status = 403;
  update("bad");
  timers.pass(hours(1));
  EXPECT_EQ(log.take(), "warning: an Event about the ip-masq-agent's configuration is not written: 403\n");
}

}  // namespace
}  // namespace masq::agent
