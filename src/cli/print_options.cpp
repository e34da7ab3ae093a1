// SPDX-License-Identifier: Apache-2.0
// print_options markdown|yaml: prints the option table of docs/reference.md (scripts/update-options), or the masqd.yaml
// that the package installs.
#include <unistd.h>

#include <string>
#include <string_view>

#include "model/options/options.hpp"

int main(int argc, char** argv) {
  const std::string_view format = argc > 1 ? argv[1] : "";
  if (format != "markdown" && format != "yaml") return 2;
  const std::string text = format == "yaml" ? masq::options_as_yaml() : masq::options_as_markdown();
  return ::write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1;
}
