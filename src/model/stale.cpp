// SPDX-License-Identifier: Apache-2.0
#include "model/stale.hpp"

#include <algorithm>
#include <cstdint>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/port_range.hpp"
#include "model/desired.hpp"
#include "model/mapped_ports.hpp"

namespace masq {
namespace {

bool is_masqueraded_today(const Desired& desired, const Address& pod, const Address& remote) {
  const auto& policy = desired.family(pod.family());
  return policy.enabled && any_contains(policy.sources, pod) &&
         decide_destination(policy, remote) == Decision::masquerade;
}

// If the route selects the address, only the kernel can evaluate it. While no uplink has an address, mappings wait, and
// no address is stale.
bool is_current_address(const Desired& desired, const Address& address) {
  bool any = false;
  for (const auto& uplink : desired.uplinks) {
    const auto& addresses = address.family() == Family::ipv4 ? uplink.ipv4 : uplink.ipv6;
    if (std::ranges::find(addresses, address) != addresses.end()) return true;
    any = any || !addresses.empty();
  }
  return desired.kernel.route_source || !any;
}

bool is_port_of_today(const Desired& desired, std::uint16_t port) {
  return !intersect(usable_ports(desired), {port, port}).empty();
}

}  // namespace

bool is_stale(const Desired& desired, const DecidedConnection& connection) {
  const bool masqueraded = is_masqueraded_today(desired, connection.pod, connection.remote);
  if (masqueraded != connection.external.has_value()) return true;
  if (!masqueraded) return false;
  const auto& [address, port] = *connection.external;
  return !is_current_address(desired, address) || (port && !is_port_of_today(desired, *port));
}

}  // namespace masq
