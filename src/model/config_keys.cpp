// SPDX-License-Identifier: Apache-2.0
#include "model/config_keys.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/address.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/config_values.hpp"

namespace masq {
namespace {

using std::chrono::seconds;
using values::Texts;

constexpr std::size_t longest_path = 4095;
constexpr std::size_t longest_socket_path = 107;  // sockaddr_un
constexpr seconds shortest_timeout{2};
constexpr seconds longest_timeout{7 * 24 * 3600};
constexpr std::uint32_t fewest_mappings = 16;
constexpr std::uint32_t most_mappings = 8388608;

template <class Value, class Target>
Result<void> assign(Target& target, Result<Value> value) {
  if (!value) return std::unexpected(value.error());
  target = *std::move(value);
  return {};
}

// What follows are the columns `parse` of the table, made for a member of Config each.
template <auto Member>
Result<void> boolean(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.*Member, values::boolean(texts));
}

template <auto Member>
Result<void> duration(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.nat_timeouts.*Member, values::duration(texts, shortest_timeout, longest_timeout));
}

template <auto Member>
Result<void> addresses(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.*Member, values::addresses(texts));
}

template <auto Member>
Result<void> devices(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.*Member, values::device_patterns(texts));
}

template <auto Member>
Result<void> path(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.*Member, values::path(texts, longest_path));
}

template <auto Member>
Result<void> text(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.*Member, values::one(texts));
}

template <auto Member, Family family>
Result<void> cidrs(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.*Member, values::cidrs(texts, family));
}

// "auto", or nothing at all, is no value.
bool is_auto(Texts texts) {
  const auto words = values::words(texts);
  return words.empty() || (words.size() == 1 && words.front() == "auto");
}

template <auto Member, Family family>
Result<void> cidrs_or_auto(ConfigDraft& draft, Texts texts) {
  (draft.config.*Member).reset();
  if (is_auto(texts)) return {};
  return assign(draft.config.*Member, values::cidrs(texts, family));
}

template <class Value>
using Word = std::pair<std::string_view, Value>;

template <class Value, std::size_t count>
Result<Value> choice(Texts texts, const Word<Value> (&accepted)[count]) {
  const auto text = values::one(texts);
  if (!text) return std::unexpected(text.error());
  std::string names;
  for (const auto& [name, value] : accepted) {
    if (*text == name) return value;
    names += names.empty() ? "" : ", ";
    names += name;
  }
  return fail("{:?}: one of {} is expected", *text, names);
}

constexpr Word<DatapathKind> datapaths[] = {{"auto", DatapathKind::automatic},
                                            {"bpf", DatapathKind::bpf},
                                            {"nftables", DatapathKind::nftables},
                                            {"iptables", DatapathKind::iptables}};
constexpr Word<Toggle> toggles[] = {{"auto", Toggle::automatic}, {"true", Toggle::on}, {"false", Toggle::off}};
constexpr Word<LogLevel> log_levels[] = {
    {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}};
constexpr Word<LogFormat> log_formats[] = {{"text", LogFormat::text}, {"json", LogFormat::json}};

Result<void> datapath(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.datapath, choice(texts, datapaths));
}

Result<void> enable_bpf_masquerade(ConfigDraft& draft, Texts texts) {
  return assign(draft.enable_bpf_masquerade, values::boolean(texts));
}

Result<void> nat_port_range(ConfigDraft& draft, Texts texts) {
  draft.config.nat_port_range.reset();
  if (is_auto(texts)) return {};
  return assign(draft.config.nat_port_range, values::port_ranges(texts));
}

Result<void> node_port_range(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.node_port_range, values::port_range(texts));
}

Result<void> nat_max_mappings(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.nat_max_mappings, values::number(texts, fewest_mappings, most_mappings));
}

Result<void> nat_max_mappings_per_pod(ConfigDraft& draft, Texts texts) {
  draft.config.nat_max_mappings_per_pod.reset();
  if (is_auto(texts)) return {};
  return assign(draft.config.nat_max_mappings_per_pod, values::number(texts, 1, most_mappings));
}

Result<void> socket_path(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.socket_path, values::path(texts, longest_socket_path));
}

Result<void> prometheus_serve_addr(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.prometheus_serve_addr, values::listen_address(texts));
}

Result<void> enable_k8s(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.enable_k8s, choice(texts, toggles));
}

Result<void> log_level(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.log_level, choice(texts, log_levels));
}

Result<void> log_format(ConfigDraft& draft, Texts texts) {
  return assign(draft.config.log_format, choice(texts, log_formats));
}

constexpr ConfigKey keys[] = {
    {"datapath", "auto", "what masquerades: bpf, nftables, iptables; auto: the first of them that this machine can run",
     datapath},
    {"enable-bpf-masquerade", "", "Cilium's word: true is datapath bpf, false is datapath iptables",
     enable_bpf_masquerade, true},
    {"enable-ipv4-masquerade", "true", "masquerade IPv4", boolean<&Config::enable_ipv4_masquerade>, true},
    {"enable-ipv6-masquerade", "true", "masquerade IPv6", boolean<&Config::enable_ipv6_masquerade>, true},
    {"ipv4-pod-cidr", "auto",
     "list: whose packets are masqueraded; auto: Kubernetes' pod CIDRs of this node, else the CNI configuration's "
     "subnets, else those of container bridges",
     cidrs_or_auto<&Config::ipv4_pod_cidr, Family::ipv4>},
    {"ipv6-pod-cidr", "auto", "list: the same for IPv6", cidrs_or_auto<&Config::ipv6_pod_cidr, Family::ipv6>},
    {"ipv4-native-routing-cidr", "the pod CIDRs", "list: destinations inside are never masqueraded",
     cidrs<&Config::ipv4_native_routing_cidr, Family::ipv4>},
    {"ipv6-native-routing-cidr", "the pod CIDRs", "list: the same for IPv6",
     cidrs<&Config::ipv6_native_routing_cidr, Family::ipv6>},
    {"devices", "detected", "list of uplinks; eth+ is every name that begins with eth", devices<&Config::devices>},
    {"egress-masquerade-interfaces", "all uplinks", "list, nftables and iptables: masquerade on these only",
     devices<&Config::egress_masquerade_interfaces>},
    {"enable-masquerade-to-route-source", "false", "use the source address that the route to the destination selects",
     boolean<&Config::enable_masquerade_to_route_source>, true},
    {"enable-remote-node-masquerade", "false", "masquerade what pods send to other nodes' addresses too",
     boolean<&Config::enable_remote_node_masquerade>, true},
    {"node-addresses", "", "list: addresses of the other nodes, besides those learnt from Kubernetes",
     addresses<&Config::node_addresses>},
    {"masquerade-address", "the uplink's", "list of this node's addresses to use instead",
     addresses<&Config::masquerade_address>},
    {"enable-ip-masq-agent", "false", "leave alone the destinations that the ip-masq-agent's file names",
     boolean<&Config::enable_ip_masq_agent>, true},
    {"ip-masq-agent-config-path", "/etc/config/ip-masq-agent", "the ip-masq-agent's file",
     path<&Config::ip_masq_agent_config_path>},
    {"nat-port-range", "auto",
     "list of ranges for mapped source ports; auto: 1024-65535 less the kernel's ephemeral and reserved ports and "
     "the NodePorts",
     nat_port_range},
    {"node-port-range", "30000-32767", "ports that are never used for mappings", node_port_range},
    {"nat-max-mappings", "524288", "most mappings for each address family, 16 to 8388608", nat_max_mappings, false,
     "bpf-nat-global-max"},
    {"nat-max-mappings-per-pod", "a quarter of nat-max-mappings", "most mappings of one pod", nat_max_mappings_per_pod},
    {"nat-timeout-tcp-established", "7440s", "end an idle TCP connection's mapping after this time, 2s to 168h",
     duration<&NatTimeouts::tcp_established>},
    {"nat-timeout-tcp-transitory", "240s", "the same while it opens or closes", duration<&NatTimeouts::tcp_transitory>},
    {"nat-timeout-udp", "300s", "the same for UDP", duration<&NatTimeouts::udp>},
    {"nat-timeout-icmp", "60s", "the same for ICMP queries", duration<&NatTimeouts::icmp>},
    {"nat-timeout-other", "600s", "the same for other protocols", duration<&NatTimeouts::other>},
    {"random-fully", "false", "choose source ports at random instead of keeping them", boolean<&Config::random_fully>,
     true},
    {"bpf-root", "/sys/fs/bpf", "a bpffs; mounted if it is not", path<&Config::bpf_root>},
    {"socket-path", "/run/masq/masq.sock", "unix socket on which masq asks masqd", socket_path},
    {"prometheus-serve-addr", "off", "where to serve metrics: :9965, 127.0.0.1:9965", prometheus_serve_addr},
    {"enable-k8s", "auto", "ask Kubernetes; auto: in a pod with a service account, or with a kubeconfig", enable_k8s,
     true},
    {"k8s-kubeconfig-path", "in-cluster", "kubeconfig file", text<&Config::k8s_kubeconfig_path>},
    {"k8s-api-server", "in-cluster", "URL of the API server", text<&Config::k8s_api_server>},
    {"k8s-node-name", "$K8S_NODE_NAME or the host name", "this node's name", text<&Config::k8s_node_name>},
    {"log-level", "info", "debug, info, warning, error", log_level},
    {"log-format", "text", "text, json", log_format},
};

}  // namespace

std::string ConfigKey::environment_name(std::string_view name) {
  std::string variable = "MASQ_";
  for (const char c : name) variable += c == '-' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  return variable;
}

std::span<const ConfigKey> config_keys() {
  return keys;
}

const ConfigKey* find_config_key(std::string_view name) {
  if (name.empty()) return nullptr;
  const auto* const found =
      std::ranges::find_if(keys, [&](const ConfigKey& key) { return key.name == name || key.alias == name; });
  return found == std::ranges::end(keys) ? nullptr : found;
}

Result<void> set_config_key(ConfigDraft& draft, const ConfigKey& key, std::string_view written_name,
                            std::string_view source, std::span<const std::string> values) {
  if (const auto done = key.parse(draft, values); !done)
    return fail("{}: {}: {}", source, written_name, done.error().message);
  draft.origins[std::string(key.name)] = source;
  return {};
}

}  // namespace masq
