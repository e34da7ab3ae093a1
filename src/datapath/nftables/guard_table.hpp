// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "datapath/nftables/guard.hpp"
#include "os/fd.hpp"

namespace masq::nftables {

// The guard table in the kernel. Its owner is a netlink socket of this process, so that it ends with the process,
// however that ends.
class GuardTable {
 public:
  GuardTable();

  // Returns false if the kernel has no owners of tables (before Linux 5.12), or if it cannot be queried. Then the guard
  // stays when this process ends, and other processes can change it.
  bool has_owner() const { return has_owner_; }
  // Creates the table, or changes its elements, in one transaction.
  Result<void> write(const Guard& guard);
  // Returns the error of write(), and changes nothing.
  Result<void> check(const Guard& guard);
  // Removes the table if it has an owner.
  void release();

 private:
  Result<void> open();
  std::vector<std::uint8_t> transaction_for(const Guard& guard) const;

  os::Fd owner_;
  std::optional<Guard> written_;  // equals the kernel's table
  bool has_owner_;
};

}  // namespace masq::nftables
