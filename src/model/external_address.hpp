// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/address.hpp"
#include "model/node.hpp"

namespace masq {

// The source address of `family` for packets through `link`. The choice depends on the facts only, never on the numeric
// order of addresses. The kernel makes the same choice for the node's own packets:
//   1. the preferred source of the device's best default route (RTA_PREFSRC), on any device;
//   2. the address whose subnet contains the gateway of that route;
//   3. the first address in the kernel's order; for IPv6 a global address precedes a unique local one (RFC 4193),
//   which remote hosts cannot answer.
// In 2 and 3 a secondary (IPv6: temporary) address comes last. A link-local, loopback, tentative or deprecated address,
// or an address of less than site scope, is never selected.
std::optional<Address> external_address(const Link& link, Family family, const Node& node);

// Returns true if packets may have this source address now.
bool is_usable(const LinkAddress& address);

// Returns the address as the node has it, on any device, or null if it is not an address of this node.
const LinkAddress* find_own_address(const Node& node, const Address& address);

}  // namespace masq
