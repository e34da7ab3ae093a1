// SPDX-License-Identifier: Apache-2.0
// Breaches that are put between the engine and the oracle, to see that the oracle finds them.
#pragma once

#include "engine.hpp"
#include "oracle.hpp"

namespace masq::bpf::fuzz {

// Changes what became of a packet so that it breaks the invariant, if the packet can.
void plant(Invariant invariant, const Sent& sent, test::Outcome& outcome, const People& people);
// Breaks the order of the table.
void plant_in_table(const test::Engine& engine);

}  // namespace masq::bpf::fuzz
