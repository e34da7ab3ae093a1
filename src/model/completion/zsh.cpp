// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/completion/completion.hpp"

namespace masq::completion {
namespace {

// A text inside '…'. _arguments reads brackets and colons in it, and compadd
// shows the rest as it is.
std::string quoted(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else if (c == '[' || c == ']' || c == ':' || c == '\\')
      (result += '\\') += c;
    else
      result += c;
  }
  return result;
}

std::string value_of(const Option& option) {
  if (option.value == Option::Value::none) return {};
  const auto* const colon = option.value == Option::Value::optional ? "::" : ":";
  const auto action = option.is_path         ? "_files"
                      : option.words.empty() ? " "
                                             : fmt::format("({})", fmt::join(option.words, " "));
  return fmt::format("{}value:{}", colon, action);
}

std::string spec(const Option& option) {
  std::string text;
  const auto excluded = option.names.size() > 1 ? fmt::format("({})", fmt::join(option.names, " ")) : "*";
  for (const auto& name : option.names) {
    const auto* const sign = option.value == Option::Value::none ? "" : name.starts_with("--") ? "=" : "+";
    text += fmt::format(" \\\n    '{}{}{}[{}]{}'", excluded, name, sign, quoted(option.help), value_of(option));
  }
  return text;
}

std::string function_name(const std::string& program, const std::string& path) {
  auto name = "_" + program + path;
  std::ranges::replace(name, ' ', '_');
  return name;
}

// Offers the words below a command, and calls the function of the word that was
// given.
std::string branch(const std::string& function, const Command& command) {
  std::string described, cases;
  for (const auto& below : command.commands) {
    for (const auto& name : below.names) described += fmt::format(" '{}:{}'", name, quoted(below.help));
    cases += fmt::format("        {}) {}_{} ;;\n", fmt::join(below.names, " | "), function, below.names.front());
  }
  return fmt::format(
      "  case $state in\n"
      "    word)\n"
      "      words_below=({})\n"
      "      _describe -t commands command words_below ;;\n"
      "    rest)\n"
      "      case ${{line[1]}} in\n{}      esac ;;\n"
      "  esac\n",
      described.substr(1), cases);
}

}  // namespace

Result<std::string> render_zsh(const Command& program) {
  const auto& name = program.names.front();
  auto text = fmt::format("#compdef {0}\n# zsh completion of {0}, generated from its options.\n", name);
  visit_commands(program, [&](const std::string& path, const Command& command, const std::vector<Option>& options) {
    const auto function = function_name(name, path);
    text += fmt::format("{}() {{\n", function);
    if (!command.commands.empty())
      text +=
          "  local curcontext=\"$curcontext\" state line\n  local -a "
          "words_below\n  typeset -A opt_args\n";
    text += command.commands.empty() ? "  _arguments -s" : "  _arguments -s -C";
    for (const auto& option : options) text += spec(option);
    if (command.takes_path) text += " \\\n    '::file:_files'";
    if (!command.commands.empty()) text += " \\\n    '1: :->word' \\\n    '*:: :->rest'";
    text += "\n";
    if (!command.commands.empty()) text += branch(function, command);
    text += "}\n";
  });
  // Loaded from fpath, the file is the function's body; sourced, it only
  // defines functions.
  return text + fmt::format(
                    "if [ \"$funcstack[1]\" = _{0} ]; then\n  _{0} "
                    "\"$@\"\nelse\n  compdef _{0} {0}\nfi\n",
                    name);
}

}  // namespace masq::completion
