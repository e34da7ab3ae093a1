// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/counters.hpp"

namespace masq::bpf {

// Reads the pinned maps. The maximum of a table is not in them.
Result<Counters> read_counters(const Pins& pins);

}  // namespace masq::bpf
