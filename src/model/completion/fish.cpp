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

std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

// __NAME_path prints the words of the command so far, without options and their
// values. __NAME_at tests for a command,
// __NAME_below for a command with or without arguments.
constexpr std::string_view functions = R"(function __{0}_path
    set -l tokens (commandline -opc)
    set -l path
    set -l is_value 0
    for token in $tokens[2..-1]
        if test $is_value = 1
            set is_value 0
            continue
        end
        switch $token
            case {1}
                set is_value 1
            case '-*'
            case '*'
                set -a path $token
        end
    end
    string join -- ' ' $path
end
function __{0}_at
    set -l path (__{0}_path)
    test "$path" = "$argv[1]"
end
function __{0}_below
    set -l path (__{0}_path)
    test "$path" = "$argv[1]"; or string match -q -- "$argv[1] *" "$path"
end
)";

Words names_with_values(const Command& program) {
  Words names;
  visit_commands(program, [&](const auto&, const Command& command, const auto&) {
    for (const auto& option : command.options)
      if (option.value == Option::Value::required) names.insert(names.end(), option.names.begin(), option.names.end());
  });
  return names;
}

// " -n '__masq_at "bpf nat"'"; nothing for a program without commands.
std::string condition(const Command& program, const char* test, const std::string& path) {
  if (program.commands.empty()) return {};
  return fmt::format(" -n '__{}_{} \"{}\"'", program.names.front(), test, path);
}

// -h and similar: the line of the program serves each command.
bool is_of_program(const Command& program, const Option& option) {
  return std::ranges::find(program.options, option.names, &Option::names) != program.options.end();
}

std::string option_line(const Option& option) {
  std::string text;
  for (const auto& name : option.names)
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (option.value == Option::Value::required) text += option.is_path ? " -r -F" : " -x";
  if (!option.words.empty()) text += fmt::format(" -a '{}'", fmt::join(option.words, " "));
  return text + " -d " + quoted(option.help);
}

}  // namespace

Result<std::string> render_fish(const Command& program) {
  const auto& name = program.names.front();
  auto text = fmt::format("# fish completion of {}, generated from its options.\n", name);
  if (!program.commands.empty()) text += fmt::format(functions, name, fmt::join(names_with_values(program), " "));
  text += fmt::format("complete -c {} -f\n", name);
  visit_commands(program, [&](const std::string& path, const Command& command, const std::vector<Option>&) {
    const auto parent = path.substr(0, path.rfind(' ') == std::string::npos ? 0 : path.rfind(' '));
    for (const auto& alternative : command.names) {
      const auto words = path.empty() ? "" : (parent + " " + alternative).substr(1);
      // The options of the program itself are accepted after each command.
      const auto where = path.empty() ? std::string() : condition(program, "below", words);
      for (const auto& option : command.options)
        if (path.empty() || !is_of_program(program, option))
          text += fmt::format("complete -c {}{}{}\n", name, where, option_line(option));
      for (const auto& below : command.commands)
        for (const auto& word : below.names)
          text += fmt::format("complete -c {}{} -a {} -d {}\n", name, condition(program, "at", words), word,
                              quoted(below.help));
      if (command.takes_path) text += fmt::format("complete -c {}{} -F\n", name, condition(program, "below", words));
    }
  });
  return text;
}

}  // namespace masq::completion
