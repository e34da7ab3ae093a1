// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/servers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "agent/datapath_choice.hpp"
#include "agent/export/event_hub.hpp"
#include "agent/reconciler.hpp"
#include "agent/serve/agent_state.hpp"
#include "agent/serve/internal_errors.hpp"
#include "agent/serve/metrics_ports.hpp"
#include "agent/sources/options_source.hpp"
#include "agent/sources/source_set.hpp"
#include "model/config.hpp"
#include "os/fd.hpp"
#include "os/http_client.hpp"
#include "os/tcp_socket.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/os/loop_test.hpp"
#include "unit/os/port_of.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::agent {
namespace {

using ::testing::StartsWith;

class ServersTest : public os::LoopTest {
 protected:
  os::TempDirectory directory;
  FakeTimers timers;
  FakeLog log;
  FakeFacts facts;
  Config config{.socket_path = (directory / "socket").string()};
  OptionsSource options{timers, config};
  SourceSet sources{log.log};
  DatapathChoice choice{.datapath = std::make_unique<FakeDatapath>(), .reason = "as configured"};
  Reconciler reconciler{timers, facts, *choice.datapath, log.log, config};
  EventHub events{*loop, timers, [](const auto&) { return fail("no datapath is active"); }};
  InternalErrors internal_errors;
  ListenErrors listen_errors;
  AgentParts agent{.timers = timers,
                   .started_at = timers.now(),
                   .choice = choice,
                   .options = options,
                   .sources = sources,
                   .api = nullptr,
                   .reconciler = reconciler,
                   .internal_errors = internal_errors,
                   .listen_errors = listen_errors,
                   .events = events};
};

TEST_F(ServersTest, TheSocketAnswersUntilTheEndAndIsRemovedThen) {
  {
    const auto opened = Servers::open(*loop, config, agent, listen_errors, log.log).value();
    auto reply = std::async(std::launch::async, [&] { return os::http_get(config.socket_path, "/v1/status"); });
    ASSERT_TRUE(eventually([&] { return reply.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
    EXPECT_EQ(reply.get().value().status, 200);
  }
  EXPECT_FALSE(std::filesystem::exists(config.socket_path));
}

TEST_F(ServersTest, AnErrorNamesTheOption) {
  config.socket_path = (directory / "none/socket").string();
  EXPECT_THAT(Servers::open(*loop, config, agent, listen_errors, log.log).error().message, StartsWith("socket-path: "));
}

TEST_F(ServersTest, MetricsAreServedIfTheyHaveAnAddress) {
  (void)Servers::open(*loop, config, agent, listen_errors, log.log).value();
  EXPECT_EQ(log.take(), "");
  config.prometheus_serve_addr = {"127.0.0.1:0"};
  (void)Servers::open(*loop, config, agent, listen_errors, log.log).value();
  EXPECT_EQ(log.take(), "info: metrics are served at 127.0.0.1:0\n");
}

// Another process has the port, and gives it up later.
TEST_F(ServersTest, APortThatIsTakenIsServedWhenItIsFree) {
  auto taken = os::listen_on_tcp("127.0.0.1:0").value();
  config.prometheus_serve_addr = {fmt::format("127.0.0.1:{}", os::port_of(taken)), "127.0.0.1:0"};
  const auto opened = Servers::open(*loop, config, agent, listen_errors, log.log).value();
  EXPECT_EQ(log.take(), "info: metrics are served at 127.0.0.1:0\n");
  ASSERT_EQ(listen_errors.findings().size(), 1U);
  EXPECT_EQ(listen_errors.findings().front().kind, FindingKind::metrics_address);
  EXPECT_EQ(
      listen_errors.findings().front().text,
      fmt::format("prometheus-serve-addr: listen on {}: Address already in use", config.prometheus_serve_addr[0]));
  taken = os::Fd();
  const auto end = loop->now() + MetricsPorts::retry + std::chrono::seconds(2);
  while (!listen_errors.findings().empty() && loop->now() < end) ASSERT_TRUE(loop->run_once(std::chrono::seconds(1)));
  EXPECT_TRUE(listen_errors.findings().empty());
}

}  // namespace
}  // namespace masq::agent
