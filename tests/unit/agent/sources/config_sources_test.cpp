// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/config_sources.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <string_view>

#include "agent/sources/command_line.hpp"
#include "base/port_range.hpp"
#include "model/config.hpp"

namespace masq::agent {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A directory of the test's own, with what a user would put there.
class ConfigSources : public testing::Test {
 protected:
  ConfigSources() {
    std::string name = (fs::temp_directory_path() / "masq-config-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~ConfigSources() override { fs::remove_all(root_); }

  std::string write(const fs::path& name, std::string_view text) {
    const auto path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  std::string path(const fs::path& name) const { return (root_ / name).string(); }

  // The error, with the test's directory left out of it.
  std::string refusal(const CommandLine& command_line, const Environment& environment = {}) const {
    const auto loaded = load_config(command_line, environment);
    if (loaded) return "accepted";
    auto message = loaded.error().message;
    for (auto at = message.find(root_.string()); at != message.npos; at = message.find(root_.string()))
      message.erase(at, root_.string().size());
    return message;
  }

  fs::path root_;
};

TEST_F(ConfigSources, NothingSaidIsTheDefault) {
  const auto loaded = load_config({}, {{"PATH", "/bin"}, {"MASQUERADE", "1"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config, Config{});
}

// Each source sets what the ones before it set, and one key more.
TEST_F(ConfigSources, TheLaterSourceWinsByKey) {
  CommandLine command_line;
  Environment environment;
  const auto config = [&] {
    const auto loaded = load_config(command_line, environment);
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded ? loaded->config : Config{};
  };
  command_line.config_file = write("masq.yaml", "devices: [yaml0, yaml1]\nnat-max-mappings: 101\nlog-level: debug\n");
  EXPECT_THAT(config().devices, ElementsAre("yaml0", "yaml1"));
  EXPECT_EQ(config().nat_max_mappings, 101U);

  write("d/devices", "dir0\n");
  command_line.config_dir = path("d");
  EXPECT_THAT(config().devices, ElementsAre("dir0"));
  EXPECT_EQ(config().nat_max_mappings, 101U) << "of the source before";

  environment["MASQ_DEVICES"] = "env0";
  environment["MASQ_BPF_NAT_GLOBAL_MAX"] = "102";
  EXPECT_THAT(config().devices, ElementsAre("env0"));
  EXPECT_EQ(config().nat_max_mappings, 102U) << "an alias is the same key";

  command_line.flags = {{"devices", {"flag0", "flag1"}}};
  EXPECT_THAT(config().devices, ElementsAre("flag0", "flag1"));
  EXPECT_EQ(config().log_level, LogLevel::debug) << "of the first source";
}

TEST_F(ConfigSources, AreReadAnewEachTime) {
  const CommandLine command_line{.config_file = write("masq.yaml", "log-level: debug\n")};
  EXPECT_EQ(load_config(command_line, {})->config.log_level, LogLevel::debug);
  write("masq.yaml", "log-level: error\n");
  EXPECT_EQ(load_config(command_line, {})->config.log_level, LogLevel::error);
  write("masq.yaml", "# nothing\n");
  EXPECT_EQ(load_config(command_line, {})->config.log_level, LogLevel::info);
}

TEST_F(ConfigSources, EachValueHasItsTextAndTheSourceThatSetItLast) {
  write("d/nat-timeout-udp", "120s\n");
  write("d/log-level", "debug");
  const CommandLine command_line{.config_file = write("masq.yaml", "log-level: error\ndevices: [eth0, eth1]\n"),
                                 .config_dir = path("d"),
                                 .flags = {{"bpf-root", {" /b "}}}};
  const auto loaded = load_config(command_line, {{"MASQ_BPF_NAT_GLOBAL_MAX", "100"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const GivenValues expected = {{"bpf-root", {"flag --bpf-root", "/b"}},
                                {"devices", {path("masq.yaml") + ": line 2", "eth0,eth1"}},
                                {"log-level", {path("d/log-level"), "debug"}},
                                {"nat-max-mappings", {"environment MASQ_BPF_NAT_GLOBAL_MAX", "100"}},
                                {"nat-timeout-udp", {path("d/nat-timeout-udp"), "120s"}}};
  EXPECT_EQ(loaded->given, expected);
}

TEST_F(ConfigSources, TheYamlFileMayBeJson) {
  const CommandLine command_line{
      .config_file =
          write("masq.json", "{\"devices\": [\"eth0\"], \"random-fully\": true, \"nat-max-mappings\": 100}")};
  const auto loaded = load_config(command_line, {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(loaded->config.kernel.random_fully);
  EXPECT_EQ(loaded->config.nat_max_mappings, 100U);
}

TEST_F(ConfigSources, AWrongYamlFileIsNamedWithItsLine) {
  struct Case {
    std::string text, expected;
  };
  const Case cases[] = {
      {"log-level: info\nnat-max-mappings: lots\n",
       "/masq.yaml: line 2: nat-max-mappings: \"lots\": a number from 16 to 8388608 is expected"},
      {"device: eth0\n", "/masq.yaml: line 1: \"device\": no such option: a key of masqd --help is expected"},
      {"Devices: eth0\n", "/masq.yaml: line 1: \"Devices\": no such option: a key of masqd --help is expected"},
      {"devices:\n", "/masq.yaml: line 1: devices: null: text or a list of texts is expected"},
      {"devices:\n  a: b\n", "/masq.yaml: line 1: devices: a map: text or a list of texts is expected"},
      {"devices: {}\n", "/masq.yaml: line 1: devices: a map: text or a list of texts is expected"},
      {"devices: [[eth0]]\n", "/masq.yaml: line 1: devices: a list: text or a list of texts is expected"},
      {"devices: [eth0]\ndevices: [eth1]\n", "/masq.yaml: line 2: devices: given twice"},
      {"nat-max-mappings: 100\nbpf-nat-global-max: 200\n",
       "/masq.yaml: line 2: bpf-nat-global-max: the same option is also given as nat-max-mappings"},
      {"nat-max-mappings: [100, 200]\n", "/masq.yaml: line 1: nat-max-mappings: given 2 times: one value is expected"},
      {"- devices\n", "/masq.yaml: line 1: a list: a map of options is expected"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(refusal({.config_file = write("masq.yaml", text)}), expected) << text;
  EXPECT_EQ(refusal({.config_file = path("none")}), "open /none: No such file or directory");
  EXPECT_EQ(refusal({.config_file = path("")}), "/: not a regular file");
}

TEST_F(ConfigSources, TheDirectoryHasOneFileForEachKey) {
  write("d/devices", "eth0 eth1\n");
  write("d/ip-masq-agent-config-path", "/etc/x\r\n\n");
  write("d/enable-ip-masq-agent", "true");
  write("d/node-port-range", "30000,31000");
  write("d/tofqdns-proxy-port", "0");
  write("d/cluster-name", "default");
  write("d/.devices.swp", "nonsense");
  const auto loaded = load_config({.config_dir = path("d")}, {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->config.devices, ElementsAre("eth0", "eth1"));
  EXPECT_EQ(loaded->config.ip_masq_agent_config_path, "/etc/x");
  EXPECT_TRUE(loaded->config.enable_ip_masq_agent);
  EXPECT_EQ(loaded->config.node_port_range, (PortRange{30000, 31000}));
  EXPECT_THAT(loaded->directory->ignored, ElementsAre("cluster-name", "tofqdns-proxy-port"));
}

// As the kubelet lays it out: d/devices -> ..data/devices, ..data -> ..2026_01
TEST_F(ConfigSources, TheDirectoryMayBeAMountedConfigMap) {
  write("d/..2026_01/devices", "old0");
  write("d/..2026_02/devices", "new0");
  write("d/..2026_02/log-level", "debug");  // the kubelet makes its link a moment after the swap
  fs::create_directory_symlink("..2026_01", path("d/..data"));
  fs::create_symlink("..data/devices", path("d/devices"));
  EXPECT_THAT(load_config({.config_dir = path("d")}, {})->config.devices, ElementsAre("old0"));
  fs::create_directory_symlink("..2026_02", path("d/..data_tmp"));
  fs::rename(path("d/..data_tmp"), path("d/..data"));
  const auto loaded = load_config({.config_dir = path("d")}, {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->config.devices, ElementsAre("new0"));
  EXPECT_EQ(loaded->config.log_level, LogLevel::debug);
  EXPECT_THAT(loaded->directory->ignored, IsEmpty());
}

TEST_F(ConfigSources, AWrongDirectoryIsNamed) {
  EXPECT_EQ(refusal({.config_dir = path("none")}), "/none: cannot be read: No such file or directory");
  write("d/log-level", "loud\n");
  EXPECT_EQ(refusal({.config_dir = path("d")}),
            "/d/log-level: log-level: \"loud\": one of debug, info, warning, error is expected");
  write("e/nat-max-mappings", "100");
  write("e/bpf-nat-global-max", "100");
  EXPECT_EQ(refusal({.config_dir = path("e")}),
            "/e/nat-max-mappings: nat-max-mappings: the same option is also given as bpf-nat-global-max");
}

TEST_F(ConfigSources, AWrongVariableIsNamed) {
  EXPECT_EQ(
      refusal({}, {{"MASQ_NAT_TIMEOUT_UDP", "5"}}),
      "environment MASQ_NAT_TIMEOUT_UDP: nat-timeout-udp: \"5\": a duration of whole seconds is expected, such as "
      "1h30m or 300s");
  EXPECT_EQ(refusal({}, {{"MASQ_DEVICE", "eth0"}}),
            "environment MASQ_DEVICE: \"eth0\": no such option: MASQ_ and a key of masqd --help is expected");
  EXPECT_EQ(refusal({}, {{"MASQ_devices", "eth0"}}),
            "environment MASQ_devices: \"eth0\": no such option: MASQ_ and a key of masqd --help is expected");
  EXPECT_THAT(refusal({}, {{"MASQ_SERVICE_HOST", "10.0.0.1"}}), HasSubstr("enableServiceLinks"));
}

TEST_F(ConfigSources, AWrongFlagIsNamed) {
  EXPECT_EQ(refusal({.flags = {{"datapath", {"xdp"}}}}),
            "flag --datapath: datapath: \"xdp\": one of auto, bpf, nftables, iptables is expected");
}

TEST_F(ConfigSources, AContradictionNamesBothSources) {
  EXPECT_EQ(refusal({.config_file = write("masq.yaml", "datapath: bpf\n")}, {{"MASQ_ENABLE_BPF_MASQUERADE", "false"}}),
            "enable-bpf-masquerade (environment MASQ_ENABLE_BPF_MASQUERADE): false means datapath iptables, but "
            "datapath (/masq.yaml: line 1) is bpf: set one of them");
}

TEST_F(ConfigSources, KubernetesNeedsAWayToItsApi) {
  const auto error = [](const CommandLine& line, const Environment& environment = {}) {
    const auto loaded = load_config(line, environment);
    return loaded ? "" : loaded.error().message;
  };
  EXPECT_EQ(error({.flags = {{"enable-k8s", {"true"}}}}),
            "enable-k8s: true: k8s-kubeconfig-path, k8s-api-server or a pod with a service account is expected");
  EXPECT_EQ(error({.flags = {{"enable-k8s", {"true"}}, {"k8s-api-server", {"https://192.0.2.1"}}}}), "");
  EXPECT_EQ(error({.flags = {{"enable-k8s", {"true"}}, {"k8s-kubeconfig-path", {"/nowhere"}}}}), "");
  EXPECT_EQ(
      error({.flags = {{"k8s-api-server", {"ftp://192.0.2.1"}}}}),
      R"(k8s-api-server: "ftp://192.0.2.1": the URL of an API server is expected, such as https://10.0.0.1:6443)");
  EXPECT_EQ(
      error({.flags = {{"ip-masq-agent-config-map", {"kube-system/ip-masq-agent"}}}}),
      "ip-masq-agent-config-map: \"kube-system/ip-masq-agent\": only with Kubernetes, which is off: enable-k8s is "
      "expected to be true");
}

TEST(ReadEnvironment, SplitsAtTheFirstEqualsSign) {
  const char* const environ[] = {"A=1", "B=x=y", "C=", "nonsense", nullptr};
  EXPECT_EQ(read_environment(environ), (Environment{{"A", "1"}, {"B", "x=y"}, {"C", ""}}));
  EXPECT_THAT(read_environment(nullptr), IsEmpty());
}

}  // namespace
}  // namespace masq::agent
