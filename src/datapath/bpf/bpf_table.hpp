// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/mapping_table.hpp"

namespace masq::bpf {

// The pinned table below a bpffs. Every function but exists() and external_addresses() fails with "nothing of masq is
// pinned in DIR" if there is none.
class BpfTable final : public MappingTable {
 public:
  explicit BpfTable(const std::filesystem::path& bpf_root) : pins_(bpf_root) {}

  Result<bool> exists() override;
  Result<void> for_each(const MappingVisitor& visit) override;
  // Does not end inbound connections, whose replies would be masqueraded. The kernel removes ended mappings from the
  // table within seconds.
  Result<Ended> end(const MappingFilter& wanted) override;
  Result<Ended> quarantine(const std::vector<Address>& pods) override;
  Result<Counters> counters() override;
  Result<std::vector<Address>> external_addresses() override;
  bool has_shares() const override { return true; }
  Result<std::vector<IpMasqEntry>> ip_masq() override;

  // What counters() reports and the pinned maps do not contain.
  struct Room {
    std::uint32_t maximum = 0;  // of mappings
    std::uint64_t bytes = 0;
  };
  void set_room(const Room& ipv4, const Room& ipv6) { room_ = {ipv4, ipv6}; }

 private:
  Pins pins_;
  std::array<Room, 2> room_;  // IPv4, IPv6
};

}  // namespace masq::bpf
