// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/address.hpp"
#include "model/node.hpp"

namespace masq {

// The address of `family` that packets leave `link` under. The choice depends on the facts alone, never on the
// numeric order of addresses, and is the one that the kernel makes for the node's own packets:
//   1. the source that the device's best default route prefers (RTA_PREFSRC), on whichever device it stands;
//   2. the address whose subnet holds that route's gateway;
//   3. the first address in the kernel's order, IPv6: a global one before a unique local one (RFC 4193), which the
//      world does not answer.
// In 2 and 3 a secondary (IPv6: temporary) address comes after every other. A link-local, loopback, tentative or
// deprecated address is never taken, nor one of less than site scope.
std::optional<Address> external_address(const Link& link, Family family, const Node& node);

// True when packets may leave under it now.
bool is_usable(const LinkAddress& address);

// The address as the node has it, on any device; null: it is no address of this node.
const LinkAddress* find_own_address(const Node& node, const Address& address);

}  // namespace masq
