// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/options/options.hpp"
#include "model/options/parsers.hpp"
#include "model/options/values.hpp"

namespace masq {
namespace {

using namespace parsers;

constexpr ValueRange idle_time{.low = 2, .high = 7 * 24 * 3600, .seconds = true};
constexpr std::uint32_t max_mappings = 8388608;
constexpr std::string_view booleans = "true false";

constexpr OptionSpec table[] = {
    {.key = "datapath",
     .default_text = "auto",
     .help = "what masquerades; auto: the first of the others that this machine supports",
     .values = "auto bpf nftables iptables",
     .reload = Reload::restart,
     .access = member<choice<datapaths>, &Config::datapath>},
    {.key = "enable-bpf-masquerade",
     .default_words = "unset",
     .help = "Cilium's name: true is datapath bpf, false is datapath iptables; an error if datapath contradicts it",
     .values = booleans,
     .reload = Reload::restart,
     .access = bpf_masquerade},
    {.key = "enable-ipv4-masquerade",
     .default_text = "true",
     .help = "masquerade IPv4",
     .values = booleans,
     .reload = Reload::program,
     .access = member<boolean, &Config::enable_ipv4_masquerade>},
    {.key = "enable-ipv6-masquerade",
     .default_text = "true",
     .help = "masquerade IPv6",
     .values = booleans,
     .reload = Reload::program,
     .access = member<boolean, &Config::enable_ipv6_masquerade>},
    {.key = "ipv4-pod-cidr",
     .default_text = "auto",
     .help = "list of pod CIDRs: source addresses to masquerade",
     .section = "#automatic-values",
     .access = member<pod_cidrs_or_auto<Family::ipv4>, &Config::ipv4_pod_cidr>},
    {.key = "ipv6-pod-cidr",
     .default_text = "auto",
     .help = "the same for IPv6",
     .section = "#automatic-values",
     .access = member<pod_cidrs_or_auto<Family::ipv6>, &Config::ipv6_pod_cidr>},
    {.key = "ipv4-native-routing-cidr",
     .default_words = "the pod CIDRs",
     .help = "list of destinations that are reached without masquerading, in addition to the pod CIDRs",
     .access = member<cidrs<Family::ipv4>, &Config::ipv4_native_routing_cidr>},
    {.key = "ipv6-native-routing-cidr",
     .default_words = "the pod CIDRs",
     .help = "the same for IPv6",
     .access = member<cidrs<Family::ipv6>, &Config::ipv6_native_routing_cidr>},
    {.key = "devices",
     .default_words = "detected",
     .help = "list of uplinks; eth+ matches every name that begins with eth",
     .section = "#uplinks",
     .access = member<devices, &Config::devices>},
    {.key = "egress-masquerade-interfaces",
     .default_words = "all uplinks",
     .help = "list of uplinks on which to masquerade; with bpf an error: set devices",
     .scope = Scope::netfilter,
     .access = member<devices, &Config::egress_masquerade_interfaces>},
    {.key = "enable-masquerade-to-route-source",
     .default_text = "false",
     .help = "use the source address that the route to the destination selects",
     .values = booleans,
     .reload = Reload::program,
     .access = member<boolean, &Config::kernel, &KernelOptions::route_source>},
    {.key = "enable-remote-node-masquerade",
     .default_text = "false",
     .help = "masquerade pod traffic to other nodes' addresses too",
     .values = booleans,
     .access = member<boolean, &Config::enable_remote_node_masquerade>},
    {.key = "node-addresses",
     .help = "list of addresses of other nodes",
     .access = member<addresses, &Config::node_addresses>},
    {.key = "masquerade-address",
     .default_words = "the uplink's",
     .help = "list of addresses of this node to use instead; a pod keeps the one that it has",
     .access = member<addresses, &Config::masquerade_address>},
    {.key = "enable-ip-masq-agent",
     .default_text = "false",
     .help = "exclude destinations by the ip-masq-agent's configuration",
     .section = "#the-ip-masq-agents-file",
     .values = booleans,
     .access = member<boolean, &Config::enable_ip_masq_agent>},
    {.key = "ip-masq-agent-config-path",
     .default_text = "/etc/config/ip-masq-agent",
     .help = "the ip-masq-agent's file",
     .access = member<path<4095>, &Config::ip_masq_agent_config_path>},
    {.key = "ip-masq-agent-config-map",
     .default_words = "none",
     .help = "NAMESPACE/NAME: read key config of this ConfigMap instead of the file",
     .section = "#the-ip-masq-agents-file",
     .access = member<object_name, &Config::ip_masq_agent_config_map>},
    {.key = "nat-port-range",
     .default_text = "auto",
     .help = "list of ranges of external ports, such as 1024-29999,61000-65535",
     .section = "#automatic-values",
     .reload = Reload::program,
     .access = member<port_ranges_or_auto, &Config::nat_port_range>},
    {.key = "node-port-range",
     .default_text = "30000-32767",
     .help = "ports that are never used for mappings",
     .reload = Reload::program,
     .access = member<port_range, &Config::node_port_range>},
    {.key = "nat-max-mappings",
     .alias = "bpf-nat-global-max",
     .default_text = "auto",
     .help = "maximum number of mappings per family",
     .section = "#automatic-values",
     .range = {.low = 16, .high = max_mappings},
     .scope = Scope::bpf,
     .reload = Reload::program,
     .access = member<number_or_auto, &Config::nat_max_mappings>},
    {.key = "nat-max-mappings-per-pod",
     .default_words = "a quarter of nat-max-mappings",
     .help = "maximum number of mappings of one pod; existing ones stay",
     .range = {.low = 1, .high = max_mappings},
     .scope = Scope::bpf,
     .reload = Reload::program,
     .access = member<number_or_auto, &Config::nat_max_mappings_per_pod>},
    {.key = "nat-timeout-tcp-established",
     .default_text = "7440s",
     .help = "idle timeout of an established TCP connection, such as 1h30m or 90s",
     .range = idle_time,
     .scope = Scope::bpf,
     .reload = Reload::program,
     .access = member<duration, &Config::kernel, &KernelOptions::timeouts, &NatTimeouts::tcp_established>},
    {.key = "nat-timeout-tcp-transitory",
     .default_text = "240s",
     .help = "idle timeout of a TCP connection that opens or closes",
     .range = idle_time,
     .scope = Scope::bpf,
     .reload = Reload::program,
     .access = member<duration, &Config::kernel, &KernelOptions::timeouts, &NatTimeouts::tcp_transitory>},
    {.key = "nat-timeout-udp",
     .default_text = "300s",
     .help = "idle timeout of UDP",
     .range = idle_time,
     .scope = Scope::bpf,
     .reload = Reload::program,
     .access = member<duration, &Config::kernel, &KernelOptions::timeouts, &NatTimeouts::udp>},
    {.key = "nat-timeout-dns",
     .default_text = "5s",
     .help = "idle timeout of UDP to port 53 once every question is answered",
     .range = idle_time,
     .scope = Scope::bpf,
     .reload = Reload::program,
     .access = member<duration, &Config::kernel, &KernelOptions::timeouts, &NatTimeouts::dns>},
    {.key = "nat-timeout-icmp",
     .default_text = "60s",
     .help = "idle timeout of ICMP queries",
     .range = idle_time,
     .scope = Scope::bpf,
     .reload = Reload::program,
     .access = member<duration, &Config::kernel, &KernelOptions::timeouts, &NatTimeouts::icmp>},
    {.key = "nat-timeout-other",
     .default_text = "600s",
     .help = "idle timeout of other protocols",
     .range = idle_time,
     .scope = Scope::bpf,
     .reload = Reload::program,
     .access = member<duration, &Config::kernel, &KernelOptions::timeouts, &NatTimeouts::other>},
    {.key = "enable-source-ip-verification",
     .default_text = "true",
     .help = "drop first packets that come from elsewhere than their source is",
     .section = "#source-verification",
     .values = booleans,
     .reload = Reload::program,
     .access = member<boolean, &Config::kernel, &KernelOptions::verify_source>},
    {.key = "random-fully",
     .default_text = "false",
     .help = "choose external ports at random instead of keeping the pod's",
     .values = booleans,
     .reload = Reload::program,
     .access = member<boolean, &Config::kernel, &KernelOptions::random_fully>},
    {.key = "bpf-root",
     .default_text = "/sys/fs/bpf",
     .help = "a bpffs; mounted if it is not",
     .scope = Scope::every_datapath,
     .reload = Reload::restart,
     .access = member<path<4095>, &Config::bpf_root>},
    {.key = "socket-path",
     .default_text = "/run/masq/masq.sock",
     .help = "unix socket of the agent",
     .reload = Reload::restart,
     .access = member<path<107>, &Config::socket_path>},  // sockaddr_un
    {.key = "state-dir",
     .default_text = "/var/lib/masq",
     .help = "directory of the last known facts of Kubernetes, kept over restarts and reboots",
     .section = "#kubernetes",
     .reload = Reload::restart,
     .access = member<path<4000>, &Config::state_dir>},
    {.key = "prometheus-serve-addr",
     .default_text = "off",
     .help = "list of addresses at which to serve metrics: :9965, 127.0.0.1:9965, [2001:db8::1]:9965",
     .section = "#metrics",
     .reload = Reload::restart,
     .access = member<listen_addresses, &Config::prometheus_serve_addr>},
    {.key = "enable-k8s",
     .default_text = "auto",
     .help = "use Kubernetes; auto: in a pod, or with a kubeconfig",
     .section = "#kubernetes",
     .values = "auto true false",
     .reload = Reload::restart,
     .access = member<choice<toggles>, &Config::enable_k8s>},
    {.key = "k8s-kubeconfig-path",
     .default_words = "in-cluster",
     .help = "kubeconfig file",
     .reload = Reload::restart,
     .access = member<text, &Config::k8s_kubeconfig_path>},
    {.key = "k8s-api-server",
     .default_words = "in-cluster",
     .help = "URL of the API server",
     .reload = Reload::restart,
     .access = member<text, &Config::k8s_api_server>},
    {.key = "k8s-node-name",
     .default_words = "$K8S_NODE_NAME or the host name",
     .help = "name of this node",
     .reload = Reload::restart,
     .access = member<text, &Config::k8s_node_name>},
    {.key = "log-level",
     .default_text = "info",
     .help = "the least level of messages in the log",
     .values = "debug info warning error",
     .access = member<choice<log_levels>, &Config::log_level>},
    {.key = "log-format",
     .default_text = "text",
     .help = "format of the log; json: one document a line",
     .values = "text json",
     .reload = Reload::restart,
     .access = member<choice<log_formats>, &Config::log_format>},
};

// The texts of one source: a flag may be repeated, and a file ends with a line break.
std::string given_text(std::span<const std::string> texts) {
  if (auto only = values::one(texts)) return *std::move(only);
  return fmt::format("{}", fmt::join(texts, ","));
}

}  // namespace

std::string OptionSpec::environment_name(std::string_view name) {
  std::string variable = "MASQ_";
  for (const char c : name) variable += c == '-' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  return variable;
}

std::span<const OptionSpec> options() {
  return table;
}

const OptionSpec* find_option(std::string_view name) {
  if (name.empty()) return nullptr;
  const auto* const found =
      std::ranges::find_if(table, [&](const OptionSpec& option) { return option.key == name || option.alias == name; });
  return found == std::end(table) ? nullptr : found;
}

Result<void> set_option(ConfigDraft& draft, const OptionSpec& option, std::string_view written_name,
                        std::string_view source, std::span<const std::string> values) {
  if (const auto done = option.access.parse(draft, values, option); !done)
    return fail("{}: {}: {}", source, written_name, done.error().message);
  draft.given[std::string(option.key)] = {.source = std::string(source), .text = given_text(values)};
  return {};
}

std::string_view to_word(Reload reload) {
  switch (reload) {
    case Reload::live:
      return "live";
    case Reload::program:
      return "program";
    case Reload::restart:
      return "restart";
  }
  return "";
}

GivenValue given_value(const GivenValues& given, const OptionSpec& option) {
  const auto found = given.find(option.key);
  if (found != given.end()) return found->second;
  return {.source = "default", .text = std::string(option.default_text)};
}

std::string accepted_text(const OptionSpec& option) {
  const auto& [low, high, seconds] = option.range;
  if (high != 0 && seconds) return fmt::format("{}s to {}h", low, high / 3600);
  if (high != 0) return fmt::format("{} to {}", low, high);
  if (option.values.empty() || option.values == booleans) return {};
  const std::string all(option.values);
  return fmt::format("one of {}", fmt::join(values::words({&all, 1}), ", "));
}

Config with_fixed_options(const Config& running, Config loaded, std::vector<std::string_view>& kept) {
  for (const auto& option : table) {
    if (option.reload != Reload::restart || option.access.equal(running, loaded)) continue;
    option.access.copy(loaded, running);
    kept.push_back(option.key);
  }
  return loaded;
}

}  // namespace masq
