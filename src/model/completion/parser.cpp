// SPDX-License-Identifier: Apache-2.0
#include "model/completion/parser.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "model/completion/completion.hpp"

namespace masq::completion {
namespace {

bool is_path(const std::string& type_name) {
  return type_name == "FILE" || type_name == "DIR" || type_name == "PATH";
}

Option option_of(const CLI::Option& parsed, const std::function<Words(const std::string&)>& words_of) {
  Option option;
  for (const auto& name : parsed.get_lnames()) option.names.push_back("--" + name);
  for (const auto& name : parsed.get_snames()) option.names.push_back("-" + name);
  option.help = parsed.get_description();
  if (parsed.get_items_expected_max() == 0) return option;
  option.value = parsed.get_type_name().starts_with('[') ? Option::Value::optional : Option::Value::required;
  option.is_path = is_path(parsed.get_type_name());
  option.words = words_of(option.names.front());
  return option;
}

}  // namespace

Command command_of(const CLI::App& parser, const std::function<Words(const std::string& name)>& words_of) {
  Command command;
  command.names.push_back(parser.get_name());
  for (const auto& alias : parser.get_aliases()) command.names.push_back(alias);
  command.help = parser.get_description();
  for (const auto* parsed : parser.get_options(nullptr)) {
    if (parsed->get_positional()) {
      const auto name = parsed->get_name(true);
      command.arguments.push_back(parsed->get_required() ? name : "[" + name + "]");
      command.takes_path = command.takes_path || is_path(name);
    } else {
      command.options.push_back(option_of(*parsed, words_of));
    }
  }
  for (const auto* below : parser.get_subcommands([](const CLI::App*) { return true; }))
    command.commands.push_back(command_of(*below, words_of));
  return command;
}

}  // namespace masq::completion
