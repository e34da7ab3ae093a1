// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace masq {

struct ProgramEnd {
  int status = 0;  // exit status; 128 and more: the signal that ended it
  std::string out;
  std::string err;
};

// Runs a program (found in PATH) with `input` on its standard input, and waits for its end. One that is not done by
// then is killed, and that is an error, as it is when there is no such program.
Result<ProgramEnd> run_program(const std::vector<std::string>& arguments, const std::string& input = {},
                               std::chrono::milliseconds limit = std::chrono::seconds(10));

// True when PATH has a program of this name.
bool has_program(const std::string& name);

}  // namespace masq
