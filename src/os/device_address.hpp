// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace masq::os {

// The hardware (Ethernet) address of a device; zeros if it has none or does not exist.
std::array<std::uint8_t, 6> device_address(int ifindex);

}  // namespace masq::os
