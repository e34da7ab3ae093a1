// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "agent/sources/fact_source.hpp"
#include "model/config.hpp"
#include "model/options/options.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// masqd's own options. They are pushed at the start and at a reload. They describe no state of the node, so they are in
// no set of sources.
class OptionsSource final : public FactSource<Config> {
 public:
  // `given`: what the sources of the configuration say of the options.
  OptionsSource(os::Timers& timers, Config config, GivenValues given = {})
      : FactSource("options", Need::required, timers), given_(std::move(given)) {
    push(std::move(config));
  }

  // Of the options that are in force.
  const GivenValues& given() const { return given_; }
  // Of those that have another value after a restart.
  const GivenValues& after_restart() const { return after_restart_; }
  void replace(Config config, GivenValues given, GivenValues after_restart) {
    given_ = std::move(given);
    after_restart_ = std::move(after_restart);
    push(std::move(config));
  }

 private:
  GivenValues given_;
  GivenValues after_restart_;
};

}  // namespace masq::agent
