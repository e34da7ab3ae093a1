// SPDX-License-Identifier: Apache-2.0
#include "model/manual/manual.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/completion/completion.hpp"
#include "model/options/options.hpp"

namespace masq::manual {
namespace {

using completion::Command;
using completion::Option;

std::string placeholder(const Option& option) {
  const bool is_optional = option.value == Option::Value::optional;
  const auto value = option.is_path         ? std::string("\\fIPATH\\fR")
                     : option.words.empty() ? std::string("\\fIVALUE\\fR")
                                            : escaped(fmt::format("{}", fmt::join(option.words, "|")));
  return is_optional ? fmt::format("[={}]", value) : fmt::format(" {}", value);
}

// .TP needs its head in one line.
std::string head_of(const Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.names) names.push_back(fmt::format("\\fB{}\\fR", escaped(name)));
  auto head = fmt::format("{}", fmt::join(names, ", "));
  if (option.value != Option::Value::none) head += placeholder(option);
  return head;
}

std::string sentence(std::string text) {
  if (!text.empty() && !text.ends_with('.')) text += '.';
  return text;
}

std::string scope_remark(const OptionSpec& option) {
  switch (option.scope) {
    case Scope::every_datapath:
      return {};
    case Scope::bpf:
      return " With the datapath bpf only.";
    case Scope::netfilter:
      return " With the datapaths nftables and iptables only.";
  }
  return {};
}

std::string default_remark(const OptionSpec& option) {
  if (!option.default_text.empty()) return fmt::format("\\fB{}\\fR", escaped(option.default_text));
  return option.default_words.empty() ? "none" : escaped(option.default_words);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '\'')
      result += "\\(aq";
    else if (c == '.' && (result.empty() || result.ends_with('\n')))
      result += "\\&.";
    else
      result += c;
  }
  return result;
}

std::string render_options(const Command& command) {
  std::string text;
  for (const auto& option : command.options)
    text += fmt::format(".TP\n{}\n{}\n", head_of(option), escaped(sentence(option.help)));
  return text;
}

std::string render_commands(const Command& program) {
  std::string text;
  completion::visit_commands(program, [&](const std::string& path, const Command& command, const auto&) {
    if (path.empty() || !command.commands.empty()) return;
    auto head = fmt::format("\\fB{}{}\\fR", escaped(program.names.front()), escaped(path));
    for (std::size_t i = 1; i < command.names.size(); ++i)
      head += fmt::format(", \\fB{}\\fR", escaped(command.names[i]));
    for (const auto& argument : command.arguments) head += fmt::format(" \\fI{}\\fR", escaped(argument));
    text += fmt::format(".SS {}\n{}\n", head, escaped(sentence(command.help)));
    auto own = command;
    std::erase_if(own.options, [](const Option& option) { return option.names.front() == "--help"; });
    text += render_options(own);
  });
  return text;
}

std::string render_configuration() {
  std::string text;
  for (const auto& option : options()) {
    text += fmt::format(".TP\n\\fB{}\\fR (default: {})\n{}", escaped(option.key), default_remark(option),
                        escaped(std::string(option.help)));
    if (const auto accepted = accepted_text(option); !accepted.empty()) text += escaped(", " + accepted);
    text += "." + scope_remark(option);
    if (!option.alias.empty()) text += fmt::format(" Alias: \\fB{}\\fR.", escaped(option.alias));
    if (option.reload == Reload::restart) text += " A change needs a restart.";
    text += '\n';
  }
  return text;
}

std::string fill(std::string_view page, const Parts& parts) {
  std::string text(page);
  const std::pair<std::string_view, const std::string*> words[] = {{"@VERSION@", &parts.version},
                                                                   {"@OPTIONS@\n", &parts.options},
                                                                   {"@COMMANDS@\n", &parts.commands},
                                                                   {"@CONFIGURATION@\n", &parts.configuration}};
  for (const auto& [word, replacement] : words)
    for (auto at = text.find(word); at != text.npos; at = text.find(word, at + replacement->size()))
      text.replace(at, word.size(), *replacement);
  return text;
}

}  // namespace masq::manual
