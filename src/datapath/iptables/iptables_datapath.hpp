// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/iptables/machine.hpp"

namespace masq::iptables {

// Chains MASQ-* in the tables nat and mangle, sets masq-* of ipset, connections in conntrack. All of them work without
// the agent. A change runs `iptables-restore` once per family.
Result<std::unique_ptr<Datapath>> make_datapath(const Machine& machine = {});

// Returns the first missing feature of this machine as an error; changes nothing.
Result<void> probe();

}  // namespace masq::iptables
