// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace masq::os {

// Returns true if a program such as an NTP client keeps the kernel's clock right (adjtimex(2)), or if it cannot be
// known.
bool is_clock_synchronised();

}  // namespace masq::os
