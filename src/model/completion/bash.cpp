// SPDX-License-Identifier: Apache-2.0
// What the user typed is only compared: the subject of `case`, or the prefix of
// `compgen`. It is never expanded again.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/completion/completion.hpp"

namespace masq::completion {
namespace {

// A file's names are completed by readline, which quotes them.
constexpr std::string_view complete_paths = "compopt -o default 2>/dev/null; return";

constexpr std::string_view begin =
    R"(  local IFS=$' \t\n' path= words= options= i
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  # bash splits --option=value into three words.
  if [[ $cur == '=' ]]; then
    cur=
  elif [[ $prev == '=' ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
)";
constexpr std::string_view end = R"(  [[ $cur != -* ]] || words=$options
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
)";

bool same_answer(const Option& a, const Option& b) {
  return a.value == b.value && a.words == b.words && a.is_path == b.is_path;
}

std::string answer(const Option& option) {
  if (option.is_path) return std::string(complete_paths);
  if (option.words.empty()) return "return";
  return fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\"); return", fmt::join(option.words, " "));
}

// Each option of the program that takes a value, once.
std::vector<Option> options_with_values(const Command& program) {
  std::vector<Option> found;
  visit_commands(program, [&](const auto&, const Command& command, const auto&) {
    for (const auto& option : command.options) {
      if (option.value == Option::Value::none) continue;
      bool is_known = false;
      for (const auto& known : found)
        is_known = is_known || (known.names == option.names && same_answer(known, option));
      if (!is_known) found.push_back(option);
    }
  });
  return found;
}

// Collects the words of the command in `path`, without options and their
// values.
std::string find_path(const std::vector<Option>& with_values) {
  Words names;
  for (const auto& option : with_values)
    if (option.value == Option::Value::required) names.insert(names.end(), option.names.begin(), option.names.end());
  std::string text =
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${COMP_WORDS[i]} in\n";
  if (!names.empty())
    text += fmt::format(
        "      {})\n"
        "        [[ ${{COMP_WORDS[i + 1]}} != '=' ]] || ((i += 1))\n"
        "        ((i += 1)) ;;\n",
        fmt::join(names, " | "));
  return text +
         "      -* | '=') ;;\n"
         "      *) path+=\" ${COMP_WORDS[i]}\" ;;\n"
         "    esac\n"
         "  done\n";
}

std::string complete_values(const std::vector<Option>& with_values) {
  std::string text = "  case $prev in\n";
  for (const auto& option : with_values) {
    const bool is_optional = option.value == Option::Value::optional;
    text += fmt::format("    {}) {}{} ;;\n", fmt::join(option.names, " | "),
                        is_optional ? "[[ $cur == -* ]] || { " : "", answer(option) + (is_optional ? "; }" : ""));
  }
  return text + "  esac\n";
}

std::string patterns(const std::string& path, const Command& command) {
  if (path.empty()) return command.commands.empty() ? "*" : "''";
  std::string text;
  for (const auto& name : command.names) {
    const auto whole = path.substr(0, path.rfind(' ') + 1) + name;
    text += fmt::format("{}'{}'", text.empty() ? "" : " | ", whole);
    if (command.commands.empty()) text += fmt::format(" | '{} '*", whole);
  }
  return text;
}

std::string complete_words(const Command& program) {
  std::string text = "  case $path in\n";
  visit_commands(program, [&](const std::string& path, const Command& command, const std::vector<Option>& options) {
    Words words, flags;
    for (const auto& below : command.commands) words.insert(words.end(), below.names.begin(), below.names.end());
    for (const auto& option : options) flags.insert(flags.end(), option.names.begin(), option.names.end());
    text += fmt::format("    {})\n", patterns(path, command));
    if (command.takes_path) text += fmt::format("      [[ $cur == -* ]] || {{ {}; }}\n", complete_paths);
    if (!words.empty()) text += fmt::format("      words='{}'\n", fmt::join(words, " "));
    text += fmt::format("      options='{}' ;;\n", fmt::join(flags, " "));
  });
  return text + "  esac\n";
}

}  // namespace

Result<std::string> render_bash(const Command& program) {
  const auto& name = program.names.front();
  const auto with_values = options_with_values(program);
  auto text = fmt::format("# bash completion of {0}, generated from its options.\n_{0}() {{\n{1}", name, begin);
  if (!program.commands.empty()) text += find_path(with_values);
  text += complete_values(with_values) + complete_words(program);
  return text + fmt::format("{1}}}\ncomplete -F _{0} {0}\n", name, end);
}

}  // namespace masq::completion
