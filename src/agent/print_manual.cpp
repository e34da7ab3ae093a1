// SPDX-License-Identifier: Apache-2.0
// print_manual: fills the page on standard input, masqd(8) or masqd.yaml(5), from the tables of options.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "agent/sources/command_line.hpp"
#include "model/manual/manual.hpp"

int main() {
  const std::string page{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  const auto text =
      masq::manual::fill(page, {.version = MASQ_VERSION,
                                .options = masq::manual::render_options(masq::agent::command_line_completion()),
                                .commands = {},
                                .configuration = masq::manual::render_configuration()});
  return !page.empty() && std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : 1;
}
