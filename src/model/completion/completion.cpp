// SPDX-License-Identifier: Apache-2.0
#include "model/completion/completion.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq::completion {
namespace {

bool is_plain(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '+';
  });
}

Result<void> check_plain(const Words& words) {
  for (const auto& word : words)
    if (!is_plain(word)) return fail("{:?}: a shell would expand this word", word);
  return {};
}

Result<void> check(const Command& command) {
  TRY_DO(check_plain(command.names));
  for (const auto& option : command.options) {
    TRY_DO(check_plain(option.names));
    TRY_DO(check_plain(option.words));
  }
  for (const auto& below : command.commands) TRY_DO(check(below));
  return {};
}

void visit_below(const Command& command, const std::string& path, const std::vector<Option>& above,
                 const Visit& visit) {
  const auto options = with_inherited(command, above);
  visit(path, command, options);
  for (const auto& below : command.commands) visit_below(below, path + " " + below.names.front(), options, visit);
}

}  // namespace

std::vector<Option> with_inherited(const Command& command, const std::vector<Option>& above) {
  auto options = command.options;
  for (const auto& option : above)
    if (std::ranges::find(command.options, option.names, &Option::names) == command.options.end())
      options.push_back(option);
  return options;
}

void visit_commands(const Command& program, const Visit& visit) {
  visit_below(program, "", {}, visit);
}

Result<std::string> render(const Command& program, std::string_view shell) {
  TRY_DO(check(program));
  if (shell == "bash") return render_bash(program);
  if (shell == "zsh") return render_zsh(program);
  if (shell == "fish") return render_fish(program);
  return fail("{:?}: one of bash, zsh, fish is expected", shell);
}

}  // namespace masq::completion
