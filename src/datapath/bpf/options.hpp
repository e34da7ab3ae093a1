// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bpf/abi/mapping.h"
#include "bpf/abi/options.h"
#include "bpf/abi/policy.h"
#include "model/desired.hpp"

namespace masq::bpf {

// The types of one address family in the contract with the kernel.
struct Abi4 {
  static constexpr Family family = Family::ipv4;
  using Addr = masq_addr4;
  using Mapping = masq_mapping4;
  using Uplink = masq_uplink4;
  using Options = masq_options4;
  using PolicyKey = masq_policy_key4;
  using DestinationKey = masq_destination_key4;
};
struct Abi6 {
  static constexpr Family family = Family::ipv6;
  using Addr = masq_addr6;
  using Mapping = masq_mapping6;
  using Uplink = masq_uplink6;
  using Options = masq_options6;
  using PolicyKey = masq_policy_key6;
  using DestinationKey = masq_destination_key6;
};

// The size of the table's maps, which is fixed at their creation.
struct TableSize {
  std::uint32_t slots = 0;
  std::uint32_t buckets = 0;  // of each index; a power of two
  bool operator==(const TableSize&) const = default;
};

// Returns the size for `max_mappings`, for an eighth as many bypassed connections, and for slots in their grace period.
// Indexes are at most half full.
TableSize table_size(std::uint32_t max_mappings);

// Returns the `max_mappings` for which a table of this size is sufficient.
std::uint32_t table_capacity(const TableSize& size);

// Returns the settings of `desired` that the kernel side does not support now, one line each. They are reported when a
// program is loaded.
std::vector<std::string> unsupported_settings(const Desired& desired, const masq_options4& ipv4,
                                              const masq_options6& ipv6);

// Converts Desired to the options of the kernel side: pure.
template <class Abi>
typename Abi::Options make_options(const Desired& desired, const TableSize& size, std::uint64_t hash_seed);

template <class Abi>
std::vector<std::pair<typename Abi::PolicyKey, masq_policy>> make_policy(const Desired& desired);

template <class Abi>
typename Abi::Uplink make_uplink(const Uplink& uplink);

template <class Abi>
typename Abi::PolicyKey make_key(const Cidr& cidr);

template <class Addr>
Addr raw_address(const Address& address) {
  Addr raw{};
  std::memcpy(raw.bytes, address.bytes().data(), sizeof raw);
  return raw;
}

template <class Abi>
Address to_address(const typename Abi::Addr& address);

}  // namespace masq::bpf
