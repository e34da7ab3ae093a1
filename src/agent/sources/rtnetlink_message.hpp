// SPDX-License-Identifier: Apache-2.0
// What the readers of the kernel's tables share.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <optional>
#include <span>

#include "base/address.hpp"
#include "os/netlink.hpp"

namespace masq::agent {

// The kernel's messages are at least as large as T.
template <class T>
const T& header_of(const nlmsghdr& message) {
  return *static_cast<const T*>(NLMSG_DATA(&message));
}

template <class T>
std::span<const std::uint8_t> as_bytes(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

inline std::optional<Address> address_in(const os::NetlinkAttributes& attributes, int type) {
  const auto bytes = attributes.bytes(type);
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  return Address::from_bytes(bytes);
}

}  // namespace masq::agent
