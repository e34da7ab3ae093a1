// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/nftables/machine.hpp"

namespace masq::nftables {

// Rules and sets in the nftables table `inet masq`, connections in conntrack; both work without the agent. Fails if the
// kernel cannot be queried for tables; then it has no state of masq.
Result<std::unique_ptr<Datapath>> make_datapath();
// The same on this machine.
Result<std::unique_ptr<Datapath>> make_datapath(Machine machine);

// Returns the first missing feature of this kernel or machine as an error; needs CAP_NET_ADMIN, and changes nothing.
Result<void> probe();

}  // namespace masq::nftables
