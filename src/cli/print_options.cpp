// SPDX-License-Identifier: Apache-2.0
// Prints the option table of docs/reference.md: scripts/update-options.
#include <unistd.h>

#include <string>

#include "model/options/options.hpp"

int main() {
  const std::string text = masq::options_as_markdown();
  return ::write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1;
}
