// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.hpp"

namespace masq::os {

struct ScreenSize {
  int rows = 24;
  int columns = 80;
};

// Returns true if standard output is a terminal.
bool has_screen();

// Shows the output of `draw` for the size of the terminal. Redraws after each `interval` and when the size changes.
// Ends when q is pressed, a signal ends the program (then it returns as well), or `draw` fails. Restores the terminal
// at the end, and while the program is stopped by ^Z.
using Draw = std::function<Result<std::string>(ScreenSize)>;
Result<void> run_live_screen(const Draw& draw, std::chrono::milliseconds interval);

}  // namespace masq::os
