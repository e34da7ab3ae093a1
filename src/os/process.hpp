// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq::os {

struct ProgramEnd {
  int status = 0;  // exit status; from 128 on: the signal that ended it
  std::string out;
  std::string err;
};

// Runs a program (found in PATH) with `input` on its standard input, and waits for its end. A program that exceeds the
// deadline is killed; this is an error. A missing program is an error too.
Result<ProgramEnd> run_program(const std::vector<std::string>& arguments, const std::string& input = {},
                               std::chrono::milliseconds limit = std::chrono::seconds(10));

// Returns the first line of an output for a message: each byte that is no printable ASCII character is a '?', so that
// the line is valid in every encoding. At most 300 bytes.
std::string first_line(std::string_view output);

// Returns true if PATH contains a program of this name.
bool has_program(const std::string& name);

}  // namespace masq::os
