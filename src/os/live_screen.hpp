// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.hpp"

namespace masq {

struct ScreenSize {
  int rows = 24;
  int columns = 80;
};

// True when standard output is a terminal.
bool has_screen();

// Shows what `draw` makes of the terminal's size, anew after each `interval` and when the size changes, until q is
// pressed, a signal ends the program (then it returns as well), or `draw` fails. The terminal is as it was afterwards,
// also while the program is stopped by ^Z.
using Draw = std::function<Result<std::string>(ScreenSize)>;
Result<void> run_live_screen(const Draw& draw, std::chrono::milliseconds interval);

}  // namespace masq
