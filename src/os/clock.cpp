// SPDX-License-Identifier: Apache-2.0
#include "os/clock.hpp"

#include <sys/timex.h>

namespace masq::os {

bool is_clock_synchronised() {
  timex state{};
  return adjtimex(&state) != TIME_ERROR;
}

}  // namespace masq::os
