// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address_range.hpp"

namespace masq::nftables {

// The table that drops leaks while the table that masquerades is missing: docs/decisions/0018-no-gpl-libraries.md. The
// rules are always the same (guard_batch.cpp); these are their sets, each sorted and without overlaps.
struct Guard {
  struct OfFamily {
    std::vector<AddressRange> pods;  // sources to masquerade
    std::vector<AddressRange> left;  // destinations that are not masqueraded
    std::vector<AddressRange> own;   // addresses of this node
    bool operator==(const OfFamily&) const = default;
  };
  std::vector<std::string> devices;  // through which no pod address may leave
  OfFamily ipv4;
  OfFamily ipv6;
  bool operator==(const Guard&) const = default;
};

// Returns a guard that passes each packet that one of the two passes: it is in force while the rules of `before` are
// replaced by those of `after`.
Guard between(const Guard& before, const Guard& after);

// Returns the netlink messages of a transaction that replaces the guard table, or creates it. `has_owner`: the kernel
// then rejects changes by other sockets, and removes the table when the socket is closed.
std::vector<std::uint8_t> guard_batch(const Guard& guard, bool has_owner);
// The same from a table that equals `before` and another guard, by the elements that are different; empty if none is.
std::vector<std::uint8_t> guard_change(const Guard& before, const Guard& after);

}  // namespace masq::nftables
