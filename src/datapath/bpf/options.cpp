// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/port_range.hpp"
#include "bpf/abi/mapping.h"
#include "bpf/abi/options.h"
#include "bpf/abi/policy.h"
#include "bpf/abi/reasons.h"
#include "model/config.hpp"
#include "model/desired.hpp"
#include "model/ip_masq_agent.hpp"
#include "model/mapped_ports.hpp"

namespace masq::bpf {
namespace {

constexpr std::uint32_t grace_slots = 1024;
// The number of mappings per slot for a bypassed connection. With this share an IPv6 mapping needs less than 128 bytes.
constexpr std::uint32_t bypass_share = 8;

std::uint32_t ticks(std::chrono::seconds time) {
  const auto nanoseconds = std::chrono::nanoseconds(time).count();
  return static_cast<std::uint32_t>((nanoseconds + (1LL << MASQ_TICK_SHIFT) - 1) >> MASQ_TICK_SHIFT);
}

// A connection with packets from the pod only expires after this time, unless its protocol's timeout is shorter.
constexpr std::chrono::seconds unanswered{30};

// Lifetime of a datagram after its last fragment. A longer time would meet reused identifications.
constexpr std::chrono::seconds fragment_life{2};

masq_timeouts make_timeouts(const NatTimeouts& t) {
  return {
      .tcp_new = ticks(std::min(unanswered, t.tcp_transitory)),
      .tcp_established = ticks(t.tcp_established),
      .tcp_transitory = ticks(t.tcp_transitory),
      .udp_new = ticks(std::min(unanswered, t.udp)),
      .udp = ticks(t.udp),
      .dns = ticks(std::min(t.dns, t.udp)),
      .icmp = ticks(t.icmp),
      .other = ticks(t.other),
      .fragment = ticks(fragment_life),
  };
}

template <class Addr>
Addr mask_of(int length) {
  Addr mask{};
  for (int bit = 0; bit < length; ++bit) mask.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
  return mask;
}

masq_reason to_reason(Decision decision) {
  switch (decision) {
    case Decision::masquerade:
      return MASQ_REASON_TRANSLATED;
    case Decision::exclude_broadcast:
      return MASQ_REASON_BROADCAST;
    case Decision::exclude_pod_cidr:
      return MASQ_REASON_POD_CIDR;
    case Decision::exclude_native_routing:
      return MASQ_REASON_NATIVE_ROUTING;
    case Decision::exclude_ip_masq_agent:
      return MASQ_REASON_IP_MASQ_AGENT;
    case Decision::exclude_node:
      return MASQ_REASON_NODE;
    case Decision::exclude_own_address:
      return MASQ_REASON_OWN_ADDRESS;
  }
  return MASQ_REASON_TRANSLATED;
}

// Returns the largest ranges if there are more than the kernel side can store.
std::vector<PortRange> clamp_port_ranges(std::vector<PortRange> ports) {
  const auto size = [](const PortRange& range) { return range.high - range.low; };
  std::ranges::stable_sort(ports, std::greater{}, size);
  ports.resize(std::min<std::size_t>(ports.size(), MASQ_RANGES_MAX));
  std::ranges::sort(ports);
  return ports;
}

// The keys of bpf/nat/hash.h, by splitmix64 (Steele, Lea, Flood 2014). The seed is secret, and so are the keys: the
// engine shows neither them nor a hash to anybody.
void expand_seed(std::uint64_t seed, __u64 (&keys)[MASQ_HASH_KEYS]) {
  for (auto& key : keys) {
    seed += 0x9e3779b97f4a7c15u;
    key = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
    key = (key ^ key >> 27) * 0x94d049bb133111ebu;
    key ^= key >> 31;
  }
}

// Sets the bit of each port of a range.
void set_bits(__u64 (&bits)[MASQ_PORTS / 64], const PortRange& range) {
  for (std::uint32_t port = range.low; port <= range.high; ++port) bits[port / 64] |= std::uint64_t{1} << (port % 64);
}

template <class Options>
void set_ports(Options& options, const Desired& desired) {
  for (const auto& range : clamp_port_ranges(desired.ports)) {
    options.range[options.range_count++] = {.low = range.low, .high = range.high};
    options.port_count += range.high - range.low + 1u;
    set_bits(options.chosen_ports, range);
  }
  const auto usable = usable_ports(desired);
  for (const auto& range : usable) set_bits(options.usable_ports, range);
  options.ports_below_512 = port_count(intersect(usable, low_port_classes[0]));
  options.ports_below_1024 = port_count(intersect(usable, low_port_classes[1]));
}

}  // namespace

TableSize table_size(std::uint32_t max_mappings) {
  TableSize size;
  const std::uint64_t slots = std::uint64_t{max_mappings} + max_mappings / bypass_share + grace_slots;
  size.slots = static_cast<std::uint32_t>(std::min<std::uint64_t>(slots, MASQ_SLOTS_MAX));
  size.buckets = std::bit_ceil(size.slots / (MASQ_CELLS / 2) + 1);
  return size;
}

std::uint32_t table_capacity(const TableSize& size) {
  return static_cast<std::uint32_t>((std::uint64_t{size.slots - grace_slots} * bypass_share + bypass_share) /
                                    (bypass_share + 1));
}

template <class Abi>
typename Abi::PolicyKey make_key(const Cidr& cidr) {
  return {.prefix_length = static_cast<std::uint32_t>(cidr.length()),
          .address = raw_address<typename Abi::Addr>(cidr.address())};
}

template <class Abi>
typename Abi::Options make_options(const Desired& desired, const TableSize& size, std::uint64_t hash_seed) {
  typename Abi::Options options{};
  const auto& policy = desired.family(Abi::family);
  options.hash_seed = hash_seed;
  expand_seed(hash_seed, options.hash_key);
  options.enabled = policy.enabled;
  options.source_count = static_cast<std::uint32_t>(policy.sources.size());
  for (std::size_t i = 0; i < policy.sources.size() && i < MASQ_SOURCES_MAX; ++i)
    options.source[i] = {.address = raw_address<typename Abi::Addr>(policy.sources[i].address()),
                         .mask = mask_of<typename Abi::Addr>(policy.sources[i].length())};
  options.forward_mask = size.buckets - 1;
  options.slots = size.slots;
  options.max_mappings = std::min(desired.max_mappings, table_capacity(size));
  options.max_left = options.max_mappings / bypass_share;
  options.max_mappings_per_pod = desired.max_mappings_per_pod;
  options.own_inside = !policy.own_inside.empty();
  options.by_destination = std::ranges::any_of(
      desired.source_routes, [](const SourceRoute& route) { return route.source.family() == Abi::family; });
  options.route_source = desired.kernel.route_source;
  options.random_fully = desired.kernel.random_fully;
  options.verify_source = desired.kernel.verify_source;
  set_ports(options, desired);
  options.timeouts = make_timeouts(desired.kernel.timeouts);
  return options;
}

namespace {

// Returns the entry of the ip-masq-agent's file for exactly this prefix; both lists are sorted.
masq_ip_masq ip_masq_mark(const IpMasqAgent& rules, const Cidr& cidr) {
  if (std::ranges::binary_search(rules.non_masquerade, cidr)) return MASQ_IP_MASQ_EXCLUDED;
  if (std::ranges::binary_search(rules.masquerade, cidr)) return MASQ_IP_MASQ_MASQUERADE;
  return MASQ_IP_MASQ_NONE;
}

}  // namespace

template <class Abi>
std::vector<std::pair<typename Abi::PolicyKey, masq_policy>> make_policy(const Desired& desired) {
  std::vector<std::pair<typename Abi::PolicyKey, masq_policy>> entries;
  const auto& rules = desired.family(Abi::family).rules;
  entries.reserve(rules.size());
  for (const auto& rule : rules) {
    masq_policy value{};
    value.reason = static_cast<std::uint8_t>(to_reason(rule.decision));
    if (desired.ip_masq_agent)
      value.ip_masq = static_cast<std::uint8_t>(ip_masq_mark(desired.ip_masq_agent_rules, rule.destination));
    entries.emplace_back(make_key<Abi>(rule.destination), value);
  }
  return entries;
}

std::vector<std::string> unsupported_settings(const Desired& desired, const masq_options4& ipv4,
                                              const masq_options6& ipv6) {
  std::vector<std::string> lines;
  const auto smaller = [&](Family family, std::uint32_t room) {
    if (desired.family(family).enabled && room < desired.max_mappings)
      lines.push_back(
          fmt::format("keep the IPv{} table of {} mappings until it is empty", static_cast<int>(family), room));
  };
  smaller(Family::ipv4, ipv4.max_mappings);
  smaller(Family::ipv6, ipv6.max_mappings);
  if (desired.ports.size() > MASQ_RANGES_MAX)
    lines.push_back(fmt::format("use the {} largest of {} port ranges", MASQ_RANGES_MAX, desired.ports.size()));
  return lines;
}

template <class Abi>
typename Abi::Uplink make_uplink(const Uplink& uplink) {
  typename Abi::Uplink raw{};
  for (const auto& address : Abi::family == Family::ipv4 ? uplink.ipv4 : uplink.ipv6) {
    if (raw.count == MASQ_POOL_MAX) break;
    raw.address[raw.count++] = raw_address<typename Abi::Addr>(address);
  }
  return raw;
}

template <class Abi>
Address to_address(const typename Abi::Addr& address) {
  return Address::from_bytes(address.bytes);
}

template Address to_address<Abi4>(const masq_addr4&);
template Address to_address<Abi6>(const masq_addr6&);
template masq_options4 make_options<Abi4>(const Desired&, const TableSize&, std::uint64_t);
template masq_options6 make_options<Abi6>(const Desired&, const TableSize&, std::uint64_t);
template std::vector<std::pair<masq_policy_key4, masq_policy>> make_policy<Abi4>(const Desired&);
template std::vector<std::pair<masq_policy_key6, masq_policy>> make_policy<Abi6>(const Desired&);
template masq_uplink4 make_uplink<Abi4>(const Uplink&);
template masq_uplink6 make_uplink<Abi6>(const Uplink&);
template masq_policy_key4 make_key<Abi4>(const Cidr&);
template masq_policy_key6 make_key<Abi6>(const Cidr&);

}  // namespace masq::bpf
