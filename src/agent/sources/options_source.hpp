// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/sources/fact_source.hpp"
#include "model/config.hpp"

namespace masq::agent {

// masqd's own options. They are pushed at the start and at a reload. They describe no state of the node, so they are in
// no set of sources.
class OptionsSource final : public FactSource<Config> {
 public:
  OptionsSource(os::Timers& timers, Config config) : FactSource("options", Need::required, timers) {
    push(std::move(config));
  }
};

}  // namespace masq::agent
