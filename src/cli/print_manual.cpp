// SPDX-License-Identifier: Apache-2.0
// print_manual: fills the page on standard input, masq(1), from the tables of commands and options.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "cli/command_line.hpp"
#include "model/manual/manual.hpp"

int main() {
  const std::string page{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  const auto program = masq::cli::command_line_completion();
  const auto text = masq::manual::fill(page, {.version = MASQ_VERSION,
                                              .options = masq::manual::render_options(program),
                                              .commands = masq::manual::render_commands(program),
                                              .configuration = {}});
  return !page.empty() && std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : 1;
}
