// SPDX-License-Identifier: Apache-2.0
#include "cli/usage.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/port_range.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "datapath/mapping_table.hpp"
#include "model/mapped_ports.hpp"

namespace masq::cli {
namespace {

std::size_t hash(const Address& address) {
  std::size_t value = 0xcbf29ce484222325u;  // FNV-1a
  for (const auto byte : address.bytes()) value = (value ^ byte) * 0x100000001b3u;
  return value;
}

struct DestinationHash {
  std::size_t operator()(const Usage::Destination& key) const {
    const auto ports = static_cast<std::size_t>(key.protocol) << 16 | key.remote_port;
    return hash(key.remote) ^ (hash(key.external) * 31) ^ (ports * 0x9e3779b97f4a7c15u);
  }
};

class Counting {
 public:
  explicit Counting(const std::vector<PortRange>& range) : of_range_(65536, range.empty()) {
    for (const auto& [low, high] : range) std::fill(of_range_.begin() + low, of_range_.begin() + high + 1, true);
  }

  void add(const Mapping& mapping) {
    auto& pod = pods_[mapping.pod];
    const auto external = externals_.emplace(mapping.external, externals_.size()).first->second;
    pod.push_back(external << 24 | static_cast<std::uint64_t>(mapping.protocol) << 16 | mapping.external_port);
    if (!has_mapped_port(mapping.protocol)) return;
    auto& count = destinations_[{.protocol = mapping.protocol,
                                 .remote = mapping.remote,
                                 .remote_port = mapping.remote_port,
                                 .external = mapping.external}];
    ++count.ports;
    count.of_range += of_range_[mapping.external_port];
    count.gives_way += of_range_[mapping.external_port] && mapping.gives_way;
  }

  Usage result() && {
    Usage usage;
    for (auto& [address, endpoints] : pods_) {
      const auto mappings = endpoints.size();
      std::ranges::sort(endpoints);
      const auto doubles = std::ranges::unique(endpoints);
      usage.pods.push_back({.address = address, .mappings = mappings, .ports = mappings - doubles.size()});
    }
    for (const auto& [key, count] : destinations_) {
      usage.destinations.push_back(key);
      usage.destinations.back().ports = count.ports;
      usage.destinations.back().of_range = count.of_range;
      usage.destinations.back().gives_way = count.gives_way;
    }
    std::ranges::stable_sort(usage.pods, std::ranges::greater(), &Usage::Pod::mappings);
    std::ranges::sort(usage.destinations);
    std::ranges::stable_sort(usage.destinations, std::ranges::greater(),
                             [](const Usage::Destination& one) { return std::pair(one.of_range, one.ports); });
    return usage;
  }

 private:
  struct Count {
    std::uint64_t ports = 0;
    std::uint64_t of_range = 0;
    std::uint64_t gives_way = 0;
  };
  std::vector<bool> of_range_;                          // by port
  std::map<Address, std::vector<std::uint64_t>> pods_;  // their external endpoints, packed
  std::map<Address, std::uint64_t> externals_;          // numbered
  std::unordered_map<Usage::Destination, Count, DestinationHash> destinations_;
};

}  // namespace

Result<Usage> measure_usage(const CommandContext& context, const std::vector<PortRange>& range) {
  Counting counting(range);
  TRY_DO(context.table.for_each([&](const Mapping& mapping) { counting.add(mapping); }));
  return std::move(counting).result();
}

}  // namespace masq::cli
