// SPDX-License-Identifier: Apache-2.0
#include "agent/options_reload.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "agent/reconciler.hpp"
#include "agent/sources/config_sources.hpp"
#include "agent/sources/options_source.hpp"
#include "agent/sources/source_set.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/config.hpp"
#include "model/options/options.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/os/loop_test.hpp"
#include "unit/os/temp_directory.hpp"
#include "unit/words.hpp"

namespace masq::agent {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A kernel that has rules of the ip-masq-agent.
class SeededTable final : public FakeTable {
 public:
  Result<std::vector<IpMasqEntry>> ip_masq() override { return entries; }
  Result<std::vector<IpMasqEntry>> entries;
};

class OptionsReloadTest : public os::LoopTest {
 protected:
  os::TempDirectory directory;
  FakeTimers timers;
  FakeLog log;
  FakeDatapath datapath;
  SeededTable table;
  Config config;
  Result<LoadedConfig> written = LoadedConfig{.config = config};  // the options as they are read next
  OptionsSource options{timers, config};
  SourceSet sources{log.log};
  Reconciler reconciler{timers, sources, datapath, log.log, config};
  OptionsReload reloading{[this] { return written; },
                          {.options = options,
                           .sources = sources,
                           .tables = table,
                           .reconciler = reconciler,
                           .log = log.log,
                           .context = {.loop = *loop, .changed = [this] { reconciler.request_reconcile(); }}}};

  void reload_with(const Config& changed) {
    written = LoadedConfig{.config = changed};
    reloading.run();
  }
  std::vector<std::string> source_names() const {
    std::vector<std::string> names;
    for (const auto& source : sources.states()) names.push_back(source.name);
    return names;
  }
  std::vector<Cidr> exclusions() { return sources.gather().value().ip_masq_agent->non_masquerade; }
};

TEST_F(OptionsReloadTest, WrongOptionsLeaveThePreviousOnesInForce) {
  timers.pass(seconds(7));
  written = fail("masqd.yaml: line 3: devices: \"\": a name is expected");
  reloading.run();
  EXPECT_EQ(options.value(), config);
  EXPECT_EQ(options.state().error, written.error().message);
  EXPECT_EQ(options.state().age(timers.now()), seconds(7));
  EXPECT_EQ(log.take(), "error: reload: " + written.error().message + ": the previous options stay in force\n");
}

TEST_F(OptionsReloadTest, RightOptionsEndTheError) {
  options.fail({"wrong"});
  timers.pass(seconds(7));
  reloading.run();
  EXPECT_EQ(options.state().error, "");
  EXPECT_EQ(options.state().age(timers.now()), seconds(0));
  EXPECT_EQ(log.take(), "info: reload: all sources are read again\n");
}

TEST_F(OptionsReloadTest, AChangedOptionIsInForceAndReconciled) {
  config.devices = {"eth0"};
  config.ipv4_pod_cidr = cidrs("10.0.1.0/24");
  config.enable_ipv6_masquerade = false;
  reload_with(config);
  EXPECT_EQ(options.value(), config);
  EXPECT_EQ(datapath.applied, 0);
  timers.pass(seconds(1));
  EXPECT_EQ(datapath.applied, 1);
  EXPECT_TRUE(datapath.kernel->ipv4.enabled);
  EXPECT_FALSE(datapath.kernel->ipv6.enabled);
}

TEST_F(OptionsReloadTest, AnOptionThatNeedsARestartKeepsItsValueAndIsNamed) {
  auto changed = config;
  changed.socket_path = "/run/other.sock";
  changed.kernel.random_fully = true;
  reload_with(changed);
  EXPECT_EQ(options.value().socket_path, config.socket_path);
  EXPECT_TRUE(options.value().kernel.random_fully);
  EXPECT_THAT(log.take(), HasSubstr("warning: socket-path: the new value needs a restart of masqd\n"));
}

TEST_F(OptionsReloadTest, EachValueHasItsSourceNowAndAfterARestart) {
  options.replace(config, {{"bpf-root", {"flag --bpf-root", "/b"}}, {"log-format", {"f: line 1", "text"}}}, {});
  config.log_format = LogFormat::json;
  config.kernel.random_fully = true;
  const GivenValues given = {{"random-fully", {"f: line 2", "true"}}, {"log-format", {"f: line 1", "json"}}};
  written = LoadedConfig{.config = config, .given = given};
  reloading.run();
  const GivenValues in_force = {{"random-fully", {"f: line 2", "true"}}, {"log-format", {"f: line 1", "text"}}};
  EXPECT_EQ(options.given(), in_force) << "the flag is gone, and its value was the default";
  EXPECT_EQ(options.after_restart(), (GivenValues{{"log-format", {"f: line 1", "json"}}}));
  written = LoadedConfig{};
  reloading.run();
  EXPECT_EQ(options.given(), GivenValues{}) << "the running value is the default";
  EXPECT_EQ(options.after_restart(), GivenValues{});
}

TEST_F(OptionsReloadTest, TheLogFollowsItsLevel) {
  config.log_level = LogLevel::error;
  reload_with(config);
  EXPECT_EQ(log.take(), "") << "the information about the reload is below the level";
}

TEST_F(OptionsReloadTest, TheFileOfTheIpMasqAgentFollowsItsOptions) {
  os::write_file(directory / "one",
                 "nonMasqueradeCIDRs: [10.1.0.0/16]\nmasqLinkLocal: true\nmasqLinkLocalIPv6: true\n");
  os::write_file(directory / "two",
                 "nonMasqueradeCIDRs: [10.2.0.0/16]\nmasqLinkLocal: true\nmasqLinkLocalIPv6: true\n");
  config.ip_masq_agent_config_path = (directory / "one").string();
  reload_with(config);
  EXPECT_THAT(source_names(), IsEmpty());
  config.enable_ip_masq_agent = true;
  reload_with(config);
  EXPECT_EQ(exclusions(), cidrs("10.1.0.0/16"));
  config.ip_masq_agent_config_path = (directory / "two").string();
  reload_with(config);
  EXPECT_THAT(source_names(), ElementsAre("ip-masq-agent"));
  EXPECT_EQ(exclusions(), cidrs("10.2.0.0/16"));
  config.enable_ip_masq_agent = false;
  reload_with(config);
  EXPECT_THAT(source_names(), IsEmpty());
}

TEST_F(OptionsReloadTest, ARejectedFileLeavesTheRulesOfTheKernelInForce) {
  os::write_file(directory / "wrong", "nonMasqueradeCIDRs: [nonsense]\n");
  table.entries = {{.cidr = "10.3.0.0/16"_cidr}};
  config.enable_ip_masq_agent = true;
  config.ip_masq_agent_config_path = (directory / "wrong").string();
  reload_with(config);
  EXPECT_EQ(exclusions(), cidrs("10.3.0.0/16"));
  EXPECT_THAT(sources.states().front().error, HasSubstr("wrong: line 1: "));
}

TEST_F(OptionsReloadTest, UnknownRulesOfTheKernelAreNone) {
  table.entries = fail("no map");
  EXPECT_THAT(applied_ip_masq(table), IsEmpty());
}

}  // namespace
}  // namespace masq::agent
