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

namespace masq {

// The machine as the iptables datapath uses it: the programs in PATH, and conntrack.
struct IptablesMachine {
  // As run_program().
  std::function<Result<ProgramEnd>(const std::vector<std::string>& arguments, const std::string& input)> run =
      [](const auto& arguments, const auto& input) { return run_program(arguments, input); };
  std::function<bool(const std::string& name)> has_program = masq::has_program;
  std::function<Result<std::size_t>(const Desired& desired)> mend_connections = masq::mend_connections;
};

}  // namespace masq
