// SPDX-License-Identifier: Apache-2.0
#include "model/options/options.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <expected>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "base/port_range.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "unit/words.hpp"

namespace masq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Setting {
  std::string key;
  std::vector<std::string> values;
};

Result<Config> configure(const std::vector<Setting>& settings) {
  ConfigDraft draft;
  for (const auto& [name, values] : settings) {
    const auto* const key = find_option(name);
    if (key == nullptr) return fail("{}: no such key", name);
    if (const auto done = set_option(draft, *key, name, "test", values); !done) return std::unexpected(done.error());
  }
  return finish_config(draft);
}

std::string refusal(const std::vector<Setting>& settings) {
  const auto config = configure(settings);
  return config ? "accepted" : config.error().message;
}

TEST(Options, AreTheContracts) {
  std::vector<std::string_view> names;
  for (const auto& option : options()) names.push_back(option.key);
  EXPECT_THAT(names,
              ElementsAre("datapath", "enable-bpf-masquerade", "enable-ipv4-masquerade", "enable-ipv6-masquerade",
                          "ipv4-pod-cidr", "ipv6-pod-cidr", "ipv4-native-routing-cidr", "ipv6-native-routing-cidr",
                          "devices", "egress-masquerade-interfaces", "enable-masquerade-to-route-source",
                          "enable-remote-node-masquerade", "node-addresses", "masquerade-address",
                          "enable-ip-masq-agent", "ip-masq-agent-config-path", "ip-masq-agent-config-map",
                          "nat-port-range", "node-port-range", "nat-max-mappings", "nat-max-mappings-per-pod",
                          "nat-timeout-tcp-established", "nat-timeout-tcp-transitory", "nat-timeout-udp",
                          "nat-timeout-dns", "nat-timeout-icmp", "nat-timeout-other", "enable-source-ip-verification",
                          "random-fully", "bpf-root", "socket-path", "state-dir", "prometheus-serve-addr", "enable-k8s",
                          "k8s-kubeconfig-path", "k8s-api-server", "k8s-node-name", "log-level", "log-format"));
}

TEST(Options, NamesAndAliasesAreUniqueAndFound) {
  std::set<std::string_view> names;
  for (const auto& option : options()) {
    EXPECT_TRUE(names.insert(option.key).second) << option.key;
    EXPECT_EQ(find_option(option.key), &option);
    EXPECT_FALSE(option.help.contains('\n')) << option.key;
  }
  EXPECT_EQ(find_option("bpf-nat-global-max")->key, "nat-max-mappings");
  EXPECT_EQ(find_option(""), nullptr);
  EXPECT_EQ(find_option("Devices"), nullptr);
  EXPECT_EQ(OptionSpec::environment_name("nat-max-mappings"), "MASQ_NAT_MAX_MAPPINGS");
  EXPECT_EQ(OptionSpec::environment_name("enable-ipv4-masquerade"), "MASQ_ENABLE_IPV4_MASQUERADE");
}

// The table's text of a default is the default: setting it changes nothing.
TEST(Options, DefaultsAreWhatTheTableSays) {
  for (const auto& option : options()) {
    EXPECT_TRUE(option.default_text.empty() || option.default_words.empty()) << option.key;
    if (option.default_text.empty()) continue;
    EXPECT_EQ(configure({{std::string(option.key), {std::string(option.default_text)}}}), Config{}) << option.key;
  }
}

// docs/reference.md is written by scripts/update-options.
TEST(Options, ReferenceHasTheTable) {
  std::ifstream page(MASQ_SOURCE_DIR "/docs/reference.md");
  const std::string text(std::istreambuf_iterator<char>(page), {});
  EXPECT_THAT(text, HasSubstr(options_as_markdown())) << "run scripts/update-options";
}

TEST(Options, AChangeThatNeedsARestartKeepsTheRunningValue) {
  Config running, loaded;
  loaded.datapath = DatapathKind::nftables;
  loaded.log_format = LogFormat::json;
  loaded.kernel.random_fully = true;
  std::vector<std::string_view> kept;
  const auto config = with_fixed_options(running, loaded, kept);
  EXPECT_THAT(kept, ElementsAre("datapath", "log-format"));
  EXPECT_EQ(config.datapath, running.datapath);
  EXPECT_EQ(config.log_format, running.log_format);
  EXPECT_TRUE(config.kernel.random_fully);
}

TEST(Options, ListsAreSeparatedByCommasAndBlanksAndRepeated) {
  const auto config = configure({{"devices", {"eth0,eth1 bond+", " wlan0 ,\n"}},
                                 {"ipv4-pod-cidr", {"10.0.0.0/16", "10.1.2.3/16"}},
                                 {"node-addresses", {"192.0.2.1 2001:db8::1,192.0.2.1"}},
                                 {"nat-port-range", {"1024-29999,61000-65535 30000"}}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->devices, ElementsAre("eth0", "eth1", "bond+", "wlan0"));
  EXPECT_EQ(config->ipv4_pod_cidr, cidrs("10.0.0.0/16 10.1.0.0/16"));
  EXPECT_THAT(config->node_addresses, ElementsAre("192.0.2.1"_ip, "2001:db8::1"_ip));
  EXPECT_EQ(join(*config->nat_port_range), "1024-30000,61000-65535");
}

TEST(Options, EveryKeyReachesItsMember) {
  const auto config = configure({
      {"datapath", {"bpf"}},
      {"enable-ipv4-masquerade", {"false"}},
      {"enable-ipv6-masquerade", {"false"}},
      {"ipv6-pod-cidr", {"fd00::/104"}},
      {"ipv4-native-routing-cidr", {"10.0.0.0/8"}},
      {"ipv6-native-routing-cidr", {"fd00::/8"}},
      {"enable-masquerade-to-route-source", {"true"}},
      {"enable-remote-node-masquerade", {"true"}},
      {"masquerade-address", {"192.0.2.10"}},
      {"enable-ip-masq-agent", {"true"}},
      {"ip-masq-agent-config-path", {"/etc/masq"}},
      {"node-port-range", {"30000,31000"}},
      {"bpf-nat-global-max", {"1000"}},
      {"nat-max-mappings-per-pod", {"1000"}},
      {"nat-timeout-tcp-established", {"1h30m"}},
      {"nat-timeout-tcp-transitory", {"2s"}},
      {"nat-timeout-udp", {"30s"}},
      {"nat-timeout-dns", {"2s"}},
      {"nat-timeout-icmp", {"10s"}},
      {"nat-timeout-other", {"168h"}},
      {"enable-source-ip-verification", {"false"}},
      {"random-fully", {"true"}},
      {"bpf-root", {"/run/bpf"}},
      {"socket-path", {"/run/m.sock"}},
      {"prometheus-serve-addr", {"[::1]:9965,[10.0.0.1]:9965", ":9966"}},
      {"ip-masq-agent-config-map", {"kube-system/ip-masq-agent"}},
      {"state-dir", {"/state"}},
      {"enable-k8s", {"false"}},
      {"k8s-kubeconfig-path", {"/root/.kube/config"}},
      {"k8s-api-server", {"https://192.0.2.1:6443"}},
      {"k8s-node-name", {"node1"}},
      {"log-level", {"debug"}},
      {"log-format", {"json"}},
  });
  ASSERT_TRUE(config) << config.error().message;
  Config expected;
  expected.datapath = DatapathKind::bpf;
  expected.enable_ipv4_masquerade = false;
  expected.enable_ipv6_masquerade = false;
  expected.ipv6_pod_cidr = cidrs("fd00::/104");
  expected.ipv4_native_routing_cidr = cidrs("10.0.0.0/8");
  expected.ipv6_native_routing_cidr = cidrs("fd00::/8");
  expected.kernel.route_source = true;
  expected.enable_remote_node_masquerade = true;
  expected.masquerade_address = {"192.0.2.10"_ip};
  expected.enable_ip_masq_agent = true;
  expected.ip_masq_agent_config_path = "/etc/masq";
  expected.node_port_range = {30000, 31000};
  expected.nat_max_mappings = 1000;
  expected.nat_max_mappings_per_pod = 1000;
  expected.kernel.timeouts = {.tcp_established = std::chrono::seconds(5400),
                              .tcp_transitory = std::chrono::seconds(2),
                              .udp = std::chrono::seconds(30),
                              .dns = std::chrono::seconds(2),
                              .icmp = std::chrono::seconds(10),
                              .other = std::chrono::seconds(604800)};
  expected.kernel.verify_source = false;
  expected.kernel.random_fully = true;
  expected.bpf_root = "/run/bpf";
  expected.socket_path = "/run/m.sock";
  expected.prometheus_serve_addr = {"[::1]:9965", "[10.0.0.1]:9965", ":9966"};
  expected.ip_masq_agent_config_map = "kube-system/ip-masq-agent";
  expected.state_dir = "/state";
  expected.enable_k8s = Toggle::off;
  expected.k8s_kubeconfig_path = "/root/.kube/config";
  expected.k8s_api_server = "https://192.0.2.1:6443";
  expected.k8s_node_name = "node1";
  expected.log_level = LogLevel::debug;
  expected.log_format = LogFormat::json;
  EXPECT_EQ(*config, expected);
}

TEST(Options, NothingAndAutoAreNoValue) {
  for (const auto* const text : {"", "auto", " auto\n"}) {
    EXPECT_EQ(configure({{"ipv4-pod-cidr", {text}},
                         {"ipv6-pod-cidr", {text}},
                         {"nat-port-range", {text}},
                         {"nat-max-mappings-per-pod", {text}}}),
              Config{})
        << text;
  }
  EXPECT_EQ(configure({{"devices", {""}}, {"prometheus-serve-addr", {""}}, {"k8s-api-server", {""}}}), Config{});
}

TEST(Options, ALaterValueReplacesAnEarlierOne) {
  const auto config = configure(
      {{"devices", {"eth0"}}, {"devices", {"eth1"}}, {"ipv4-pod-cidr", {"10.0.0.0/8"}}, {"ipv4-pod-cidr", {"auto"}}});
  ASSERT_TRUE(config);
  EXPECT_THAT(config->devices, ElementsAre("eth1"));
  EXPECT_FALSE(config->ipv4_pod_cidr);
}

TEST(Options, AWrongValueIsNamedWithWhatIsAccepted) {
  struct Case {
    std::string key, value, expected;
  };
  const std::string number = ": a number from 16 to 8388608 is expected";
  const std::string timeout = ": a duration from 2s to 168h is expected";
  const std::string whole = ": a duration of whole seconds is expected, such as 1h30m or 300s";
  const std::string ipv4_cidr = ": an IPv4 CIDR such as 10.0.0.0/16 is expected";
  const std::string device = ": a device is expected, such as eth0, or eth+ for every name that begins with eth";
  const std::string object = ": NAMESPACE/NAME of an object is expected, such as kube-system/ip-masq-agent";
  const std::string listen =
      ": off or an address to listen on is expected, such as :9965, 127.0.0.1:9965 or [::1]:9965";
  const Case cases[] = {
      {"datapath", "BPF", ": one of auto, bpf, nftables, iptables is expected"},
      {"enable-bpf-masquerade", "", ": true or false is expected"},
      {"enable-ipv4-masquerade", "yes", ": true or false is expected"},
      {"enable-ipv4-masquerade", "1", ": true or false is expected"},
      {"ipv4-pod-cidr", "10.0.0.1", ipv4_cidr},
      {"ipv4-pod-cidr", "fd00::/8", ipv4_cidr},
      {"ipv4-pod-cidr", "0.0.0.0/0", ": the prefixes of pods are expected, not all addresses"},
      {"ipv6-pod-cidr", "::/0", ": the prefixes of pods are expected, not all addresses"},
      {"ipv6-pod-cidr", "10.0.0.0/8", ": an IPv6 CIDR such as fd00::/104 is expected"},
      {"ipv4-native-routing-cidr", "auto", ipv4_cidr},
      {"devices", std::string(128, 'x'), device},
      {"devices", "eth/0", device},
      {"devices", "..", device},
      {"node-addresses", "node2", ": an IPv4 or IPv6 address is expected"},
      {"node-addresses", "192.0.2.1/24", ": an IPv4 or IPv6 address is expected"},
      {"node-addresses", "0.0.0.0", ": a unicast address is expected that other machines can reach"},
      {"masquerade-address", "127.0.0.1", ": a unicast address is expected that other machines can reach"},
      {"ip-masq-agent-config-path", "", ": a path of 1 to 4095 bytes is expected"},
      {"nat-port-range", "29999-1024", ": a port or a range of ports is expected, such as 1024-29999"},
      {"node-port-range", "high", ": a range of ports is expected, such as 30000-32767"},
      {"nat-max-mappings", "15", number},
      {"nat-max-mappings", "8388609", number},
      {"nat-max-mappings", "-1", number},
      {"nat-max-mappings", "+20", number},
      {"nat-max-mappings", "1e6", number},
      {"nat-max-mappings", "99999999999", number},
      {"nat-max-mappings-per-pod", "0", ": a number from 1 to 8388608 is expected"},
      {"nat-timeout-udp", "1s", timeout},
      {"nat-timeout-udp", "169h", timeout},
      {"nat-timeout-udp", "300", whole},
      {"nat-timeout-udp", "-5s", whole},
      {"socket-path", std::string(108, 'x'), ": a path of 1 to 107 bytes is expected"},
      {"prometheus-serve-addr", "9965", listen},
      {"prometheus-serve-addr", ":0", listen},
      {"prometheus-serve-addr", ":1-2", listen},
      {"ip-masq-agent-config-map", "ip-masq-agent", object},
      {"ip-masq-agent-config-map", "kube-system/", object},
      {"ip-masq-agent-config-map", "Kube-System/a", object},
      {"ip-masq-agent-config-map", "a.b/c", object},
      {"ip-masq-agent-config-map", "a/b/c", object},
      {"prometheus-serve-addr", "::1:9965", listen},
      {"prometheus-serve-addr", "localhost:9965", listen},
      {"enable-k8s", "on", ": one of auto, true, false is expected"},
      {"log-level", "warn", ": one of debug, info, warning, error is expected"},
      {"log-format", "xml", ": one of text, json is expected"},
  };
  for (const auto& [key, value, expected] : cases)
    EXPECT_EQ(refusal({{key, {value}}}), fmt::format("test: {}: {:?}{}", key, value, expected));
}

TEST(Options, OneWrongWordInAListIsTheOneNamed) {
  EXPECT_EQ(refusal({{"ipv4-pod-cidr", {"10.0.0.0/8 nonsense"}}}),
            "test: ipv4-pod-cidr: \"nonsense\": an IPv4 CIDR such as 10.0.0.0/16 is expected");
}

TEST(Options, BracketsMayBeAroundAnAddressOfEitherFamily) {
  const auto* const option = find_option("prometheus-serve-addr");
  for (const char* address : {"[10.0.0.1]:9965", "[2001:db8::1]:9965"}) {
    ConfigDraft draft;
    ASSERT_TRUE(option->access.parse(draft, {{address}}, *option)) << address;
    EXPECT_THAT(draft.config.prometheus_serve_addr, ElementsAre(address));
  }
}

TEST(Options, AScalarTakesOneValue) {
  EXPECT_EQ(refusal({{"nat-max-mappings", {"100", "200"}}}),
            "test: nat-max-mappings: given 2 times: one value is expected");
}

TEST(Options, AnErrorIsOneLine) {
  EXPECT_EQ(refusal({{"log-level", {"a\nb"}}}),
            "test: log-level: \"a\\nb\": one of debug, info, warning, error is expected");
}

TEST(OptionChecks, BpfMasqueradeIsFoldedIntoDatapath) {
  EXPECT_EQ(configure({{"enable-bpf-masquerade", {"true"}}})->datapath, DatapathKind::bpf);
  EXPECT_EQ(configure({{"enable-bpf-masquerade", {"true"}}, {"datapath", {"auto"}}})->datapath, DatapathKind::bpf);
  EXPECT_EQ(configure({{"enable-bpf-masquerade", {"true"}}, {"datapath", {"bpf"}}})->datapath, DatapathKind::bpf);
}

TEST(OptionChecks, ContradictionsAreRefused) {
  struct Case {
    std::vector<Setting> settings;
    std::string expected;
  };
  const Case cases[] = {
      {{{"enable-bpf-masquerade", {"true"}}, {"datapath", {"nftables"}}},
       "enable-bpf-masquerade (test): true means datapath bpf, but datapath (test) is nftables: set one of them"},
      {{{"enable-bpf-masquerade", {"false"}}, {"datapath", {"bpf"}}},
       "enable-bpf-masquerade (test): false means datapath iptables, but datapath (test) is bpf: set one of them"},
      {{{"enable-bpf-masquerade", {"false"}}, {"masquerade-address", {"192.0.2.1", "fd00::1", "192.0.2.2"}}},
       "masquerade-address (test): one address of a family is expected: the iptables datapath has no pools"},
      {{{"datapath", {"nftables"}}, {"nat-timeout-udp", {"10s"}}},
       "nat-timeout-udp (test): not supported by the nftables datapath: set the sysctls of conntrack "
       "(net.netfilter.nf_conntrack_*)"},
      {{{"datapath", {"bpf"}}, {"egress-masquerade-interfaces", {"eth0", "eth+"}}},
       "egress-masquerade-interfaces (test): \"eth0\" \"eth+\": not supported by the bpf datapath: set devices "
       "instead"},
      {{{"nat-max-mappings", {"100"}}, {"nat-max-mappings-per-pod", {"101"}}},
       "nat-max-mappings-per-pod (test): 101: at most 100 is expected, which is nat-max-mappings"},
  };
  for (const auto& [settings, expected] : cases) EXPECT_EQ(refusal(settings), expected);
}

TEST(OptionChecks, APoolHasSixteenAddressesOfAFamilyAtMost) {
  std::string pool;
  for (int i = 1; i <= 16; ++i) pool += fmt::format("192.0.2.{} 2001:db8::{} ", i, i);
  EXPECT_EQ(refusal({{"masquerade-address", {pool}}}), "accepted");
  EXPECT_THAT(refusal({{"masquerade-address", {pool, "192.0.2.17"}}}), HasSubstr("at most 16 addresses"));
}

}  // namespace
}  // namespace masq
