// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/port_range.hpp"

namespace masq {

enum class DatapathKind : std::uint8_t { automatic, bpf, nftables, iptables };
enum class Toggle : std::uint8_t { automatic, on, off };
enum class LogLevel : std::uint8_t { debug, info, warning, error };
enum class LogFormat : std::uint8_t { text, json };

struct NatTimeouts {
  std::chrono::seconds tcp_established{7440};  // RFC 5382 REQ-5
  std::chrono::seconds tcp_transitory{240};
  std::chrono::seconds udp{300};  // RFC 4787 REQ-5
  std::chrono::seconds dns{5};    // RFC 4787 REQ-5 a: UDP to port 53, all questions answered
  std::chrono::seconds icmp{60};  // RFC 5508 REQ-1
  std::chrono::seconds other{600};
  bool operator==(const NatTimeouts&) const = default;
};

// Options that the desired state has unchanged: decide() copies them as a whole.
struct KernelOptions {
  bool route_source = false;  // enable-masquerade-to-route-source
  bool verify_source = true;  // enable-source-ip-verification (decisions 0014, 0020)
  bool random_fully = false;
  NatTimeouts timeouts;
  bool operator==(const KernelOptions&) const = default;
};

// The user's configuration: every key of docs/reference.md, parsed and checked on its own. decide() combines the keys
// with the node's facts.
struct Config {
  DatapathKind datapath = DatapathKind::automatic;  // includes enable-bpf-masquerade
  bool enable_ipv4_masquerade = true;
  bool enable_ipv6_masquerade = true;
  std::optional<std::vector<Cidr>> ipv4_pod_cidr;  // absent: auto
  std::optional<std::vector<Cidr>> ipv6_pod_cidr;
  std::vector<Cidr> ipv4_native_routing_cidr;  // empty: the pod CIDRs
  std::vector<Cidr> ipv6_native_routing_cidr;
  std::vector<std::string> devices;  // empty: detected; "eth+" matches every name that begins with eth
  std::vector<std::string> egress_masquerade_interfaces;
  bool enable_remote_node_masquerade = false;
  std::vector<Address> node_addresses;
  std::vector<Address> masquerade_address;
  bool enable_ip_masq_agent = false;
  std::string ip_masq_agent_config_path = "/etc/config/ip-masq-agent";
  std::string ip_masq_agent_config_map;                  // "NAMESPACE/NAME" instead of the file; empty: none
  std::optional<std::vector<PortRange>> nat_port_range;  // absent: auto
  PortRange node_port_range{30000, 32767};
  std::optional<std::uint32_t> nat_max_mappings;          // per address family; absent: by the node's memory
  std::optional<std::uint32_t> nat_max_mappings_per_pod;  // absent: a quarter of nat_max_mappings
  KernelOptions kernel;
  std::string bpf_root = "/sys/fs/bpf";
  std::string socket_path = "/run/masq/masq.sock";
  std::string state_dir = "/var/lib/masq";
  std::vector<std::string> prometheus_serve_addr;  // empty: off
  Toggle enable_k8s = Toggle::automatic;
  std::string k8s_kubeconfig_path;
  std::string k8s_api_server;
  std::string k8s_node_name;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;

  bool operator==(const Config&) const = default;
};

inline bool is_enabled(const Config& config, Family family) {
  return family == Family::ipv4 ? config.enable_ipv4_masquerade : config.enable_ipv6_masquerade;
}

}  // namespace masq
