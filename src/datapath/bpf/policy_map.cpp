// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/policy_map.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "bpf/abi/options.h"
#include "bpf/abi/policy.h"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/bpf/raw_bytes.hpp"
#include "datapath/datapath.hpp"
#include "datapath/mapping_table.hpp"
#include "model/desired.hpp"
#include "os/fd.hpp"

namespace masq::bpf {
namespace {

template <class Abi>
std::string numbered(const char* name) {
  return fmt::format("{}{}", name, static_cast<int>(Abi::family));
}

template <class Key>
std::vector<Key> all_keys(int map) {
  std::vector<Key> keys;
  Key next{};
  while (bpf_map_get_next_key(map, keys.empty() ? nullptr : &keys.back(), &next) == 0) keys.push_back(next);
  return keys;
}

constexpr std::uint8_t present = 1;

template <class Key, class Value>
using Entries = std::vector<std::pair<Key, Value>>;

// Adds and changes entries first, and then removes the others.
template <class Key, class Value>
Result<void> make_equal(const Program& program, const std::string& name, const Entries<Key, Value>& wanted) {
  const int map = program.map(name);
  std::set<std::string> kept;
  for (const auto& [key, value] : wanted) {
    kept.insert(bytes_of(key));
    Value actual{};
    if (bpf_map_lookup_elem(map, &key, &actual) == 0 && std::memcmp(&actual, &value, sizeof value) == 0) continue;
    if (bpf_map_update_elem(map, &key, &value, BPF_ANY) != 0) return fail("{}: {}", name, std::strerror(errno));
  }
  for (const auto& key : all_keys<Key>(map))
    if (!kept.contains(bytes_of(key)) && bpf_map_delete_elem(map, &key) != 0 && errno != ENOENT)
      return fail("{}: {}", name, std::strerror(errno));
  return {};
}

}  // namespace

template <class Abi>
Result<void> write_uplinks(const Program& program, const Desired& desired, Steps& steps) {
  const auto name = numbered<Abi>("uplinks");
  for (const auto& uplink : desired.uplinks) {
    const auto ifindex = static_cast<std::uint32_t>(uplink.ifindex);
    const auto wanted = make_uplink<Abi>(uplink);
    typename Abi::Uplink actual{};
    if (bpf_map_lookup_elem(program.map(name), &ifindex, &actual) == 0 &&
        std::memcmp(&actual, &wanted, sizeof wanted) == 0)
      continue;
    std::string addresses;
    for (const auto& address : Abi::family == Family::ipv4 ? uplink.ipv4 : uplink.ipv6)
      addresses += " " + address.to_string();
    steps.push_back(fmt::format("IPv{} addresses of {}:{}", static_cast<int>(Abi::family), uplink.name,
                                addresses.empty() ? " none" : addresses));
    if (bpf_map_update_elem(program.map(name), &ifindex, &wanted, BPF_ANY) != 0)
      return fail("{}: {}: {}", name, uplink.name, std::strerror(errno));
  }
  return {};
}

template <class Abi>
Result<void> prune_uplinks(const Program& program, const Desired& desired) {
  const int map = program.map(numbered<Abi>("uplinks"));
  std::set<std::uint32_t> wanted;
  for (const auto& uplink : desired.uplinks) wanted.insert(static_cast<std::uint32_t>(uplink.ifindex));
  for (const auto ifindex : all_keys<std::uint32_t>(map)) {
    if (!wanted.contains(ifindex) && bpf_map_delete_elem(map, &ifindex) != 0 && errno != ENOENT)
      return fail("{}: {}", numbered<Abi>("uplinks"), std::strerror(errno));
  }
  return {};
}

template <class Abi>
Result<void> write_sources(const Program& program, const Desired& desired) {
  const auto& policy = desired.family(Abi::family);
  Entries<typename Abi::PolicyKey, std::uint8_t> sources;
  if (policy.sources.size() > MASQ_SOURCES_MAX)
    for (const auto& source : policy.sources) sources.emplace_back(make_key<Abi>(source), present);
  Entries<typename Abi::Addr, std::uint8_t> own;
  for (const auto& address : policy.own_inside) own.emplace_back(raw_address<typename Abi::Addr>(address), present);
  TRY_DO(make_equal(program, numbered<Abi>("sources"), sources));
  return make_equal(program, numbered<Abi>("own"), own);
}

template <class Abi>
Result<void> write_destinations(const Program& program, const Desired& desired) {
  std::unordered_map<std::string, int> indexes;
  for (const auto& uplink : desired.uplinks) indexes[uplink.name] = uplink.ifindex;
  Entries<typename Abi::DestinationKey, typename Abi::Addr> wanted;
  for (const auto& route : desired.source_routes) {
    if (route.source.family() != Abi::family || wanted.size() == MASQ_DESTINATIONS_MAX) continue;
    const auto uplink = indexes.find(route.device);
    if (uplink == indexes.end()) continue;
    const typename Abi::DestinationKey key{.prefix_length = 32 + static_cast<std::uint32_t>(route.destination.length()),
                                           .ifindex = static_cast<std::uint32_t>(uplink->second),
                                           .address = raw_address<typename Abi::Addr>(route.destination.address())};
    wanted.emplace_back(key, raw_address<typename Abi::Addr>(route.source));
  }
  return make_equal(program, numbered<Abi>("destinations"), wanted);
}

template <class Abi>
Result<void> write_pod_devices(const Program& program, const Desired& desired) {
  Entries<std::uint32_t, std::uint8_t> single;
  for (const auto& device : desired.pod_devices.single)
    single.emplace_back(static_cast<std::uint32_t>(device.ifindex),
                        device.has_route ? MASQ_POD_DEVICE_ROUTED : MASQ_POD_DEVICE_NAMED);
  Entries<masq_device_pair, std::uint8_t> pairs;
  for (const auto& pair : desired.pod_devices.pairs)
    pairs.emplace_back(
        masq_device_pair{.one = static_cast<std::uint32_t>(pair.one), .other = static_cast<std::uint32_t>(pair.other)},
        present);
  TRY_DO(make_equal(program, numbered<Abi>("pod_devices"), single));
  return make_equal(program, numbered<Abi>("pod_device_pairs"), pairs);
}

template Result<void> write_destinations<Abi4>(const Program&, const Desired&);
template Result<void> write_destinations<Abi6>(const Program&, const Desired&);
template Result<void> write_pod_devices<Abi4>(const Program&, const Desired&);
template Result<void> write_pod_devices<Abi6>(const Program&, const Desired&);
template Result<void> write_uplinks<Abi4>(const Program&, const Desired&, Steps&);
template Result<void> write_uplinks<Abi6>(const Program&, const Desired&, Steps&);
template Result<void> prune_uplinks<Abi4>(const Program&, const Desired&);
template Result<void> prune_uplinks<Abi6>(const Program&, const Desired&);
template Result<void> write_sources<Abi4>(const Program&, const Desired&);
template Result<void> write_sources<Abi6>(const Program&, const Desired&);

template <class Abi>
Result<void> add_ip_masq(const Pins& pins, std::vector<IpMasqEntry>& entries) {
  TRY(auto policy, open_pinned_map(pins, map_name("policy", Abi::family)));
  std::uint32_t zero = 0, id = 0;
  if (bpf_map_lookup_elem(policy.get(), &zero, &id) != 0) return {};  // no policy was written yet
  os::Fd rules(bpf_map_get_fd_by_id(id));
  if (!rules) return fail("policy rules: {}", std::strerror(errno));
  typename Abi::PolicyKey key{}, next{};
  for (void* previous = nullptr; bpf_map_get_next_key(rules.get(), previous, &next) == 0; previous = &key) {
    key = next;
    masq_policy value{};
    if (bpf_map_lookup_elem(rules.get(), &key, &value) != 0 || value.ip_masq == MASQ_IP_MASQ_NONE) continue;
    entries.push_back({.cidr = Cidr(to_address<Abi>(key.address), static_cast<int>(key.prefix_length)),
                       .masquerade = value.ip_masq == MASQ_IP_MASQ_MASQUERADE});
  }
  return {};
}

template Result<void> add_ip_masq<Abi4>(const Pins&, std::vector<IpMasqEntry>&);
template Result<void> add_ip_masq<Abi6>(const Pins&, std::vector<IpMasqEntry>&);

}  // namespace masq::bpf
