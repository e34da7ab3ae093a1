// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/connections.hpp"
#include "model/desired.hpp"
#include "os/process.hpp"

namespace masq::iptables {

// The machine as the iptables datapath uses it: the programs in PATH, and conntrack.
struct Machine {
  // As run_program().
  std::function<Result<os::ProgramEnd>(const std::vector<std::string>& arguments, const std::string& input)> run =
      [](const auto& arguments, const auto& input) { return os::run_program(arguments, input); };
  std::function<bool(const std::string& name)> has_program = os::has_program;
  std::function<Result<std::size_t>(const Desired& desired)> mend_connections = netfilter::mend_connections;
};

}  // namespace masq::iptables
