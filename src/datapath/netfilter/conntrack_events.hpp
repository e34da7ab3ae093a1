// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/event_source.hpp"

namespace masq::netfilter {

// Events of conntrack (NFNLGRP_CONNTRACK_NEW and _DESTROY) about translated connections whose source is inside the pod
// ranges; any number of readers at a time. `pods` is called once a second. The kernel records the end of a connection
// only if a reader existed when the connection started (nf_conntrack_events=2, the default).
Result<std::unique_ptr<EventSource>> open_conntrack_events(std::function<Result<std::vector<AddressRange>>()> pods);

}  // namespace masq::netfilter
