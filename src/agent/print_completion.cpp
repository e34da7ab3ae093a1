// SPDX-License-Identifier: Apache-2.0
// print_completion SHELL: prints the completion of masqd; the build makes
// share/ of it.
#include <cstdio>

#include "agent/sources/command_line.hpp"
#include "model/completion/completion.hpp"

int main(int argc, char** argv) {
  const auto text = masq::completion::render(masq::agent::command_line_completion(), argc > 1 ? argv[1] : "");
  if (!text) std::fprintf(stderr, "%s\n", text.error().message.c_str());
  return text && std::fputs(text->c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : 1;
}
