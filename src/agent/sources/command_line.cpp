// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "model/completion/completion.hpp"
#include "model/completion/parser.hpp"
#include "model/options/options.hpp"
#include "model/options/values.hpp"

namespace masq::agent {
namespace {

// CLI11 keeps references to these members.
struct Parser {
  Parser();

  CommandLine result;
  std::vector<CLI::Option*> keys;  // in the order of options()
  CLI::App app{"masqd masquerades the packets that pods and containers send out of this node.", "masqd"};
};

std::string flag_names(const OptionSpec& option) {
  auto names = fmt::format("--{}", option.key);
  if (!option.alias.empty()) names += fmt::format(",--{}", option.alias);
  return names;
}

std::string help_of(const OptionSpec& option) {
  auto help = std::string(option.help);
  if (const auto accepted = accepted_text(option); !accepted.empty()) help += ", " + accepted;
  const auto standard = option.default_text.empty() ? option.default_words : option.default_text;
  if (!standard.empty()) help += fmt::format(" (default: {})", standard);
  return help;
}

bool is_path(const OptionSpec& option) {
  return option.key.ends_with("-path") || option.default_text.starts_with('/');
}

CLI::Option* add_option(CLI::App& app, const OptionSpec& spec) {
  auto* const option = app.add_option(flag_names(spec), [](const CLI::results_t&) { return true; }, help_of(spec));
  option->group("Configuration")->type_name(spec.is_boolean() ? "[VALUE]" : is_path(spec) ? "PATH" : "VALUE");
  return option->type_size(1)->expected(1)->allow_extra_args(false)->multi_option_policy(
      CLI::MultiOptionPolicy::TakeAll);
}

Parser::Parser() {
  app.footer(
      "Every option under Configuration can also be set in the YAML file of --config, as a file in the directory of\n"
      "--config-dir, and in the environment: nat-max-mappings is MASQ_NAT_MAX_MAPPINGS. A later source overrides\n"
      "an earlier one, and a flag overrides all. Lists are separated by commas or blanks; a flag may be repeated.");
  app.set_help_flag();
  app.get_formatter()->column_width(46);
  app.add_flag("-h,--help", result.help, "print this and exit");
  app.add_flag("--version", result.version, "print the version and exit");
  app.add_option("--config", result.config_file, "YAML file of options")->type_name("FILE");
  app.add_option("--config-dir", result.config_dir, "directory with one file per option, such as a mounted ConfigMap")
      ->type_name("DIR");
  app.add_flag("--dry-run", result.dry_run,
               "print the desired state and the steps that reach it, change nothing, and exit");
  app.add_flag("--cleanup", result.cleanup, "remove all masq objects from the kernel, and exit");
  app.add_flag("--cleanup-and-wait", result.cleanup_and_wait,
               "the same, but wait for SIGTERM before the exit, for a DaemonSet that cleans up every node");
  app.add_flag("--mount-bpffs", result.mount_bpffs,
               "mount a bpffs at bpf-root if none is mounted there, and exit, for a privileged init container");
  for (const auto& option : options()) keys.push_back(add_option(app, option));
}

bool is_boolean_flag(std::string_view argument) {
  if (!argument.starts_with("--")) return false;
  const auto* const option = find_option(argument.substr(2));
  return option != nullptr && option->is_boolean();
}

// Rewrites arguments that CLI11 would misread: a boolean flag without a value, and an empty value after '=', for which
// CLI11 takes the next argument. Returns the arguments in reverse order, as CLI11 requires.
std::vector<std::string> spell_out(std::span<const std::string> arguments) {
  std::vector<std::string> spelt;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& argument = arguments[i];
    const bool value_follows = i + 1 < arguments.size() && !arguments[i + 1].starts_with('-');
    if (is_boolean_flag(argument) && !value_follows) {
      spelt.push_back(argument + "=true");
    } else if (argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      spelt.push_back(argument.substr(0, argument.size() - 1));
      spelt.emplace_back();
    } else {
      spelt.push_back(argument);
    }
  }
  std::ranges::reverse(spelt);
  return spelt;
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const std::string> arguments) {
  Parser parser;
  try {
    parser.app.parse(spell_out(arguments));
  } catch (const CLI::Error& e) {
    return fail("{}; see masqd --help", e.what());
  }
  for (std::size_t i = 0; i < parser.keys.size(); ++i) {
    if (parser.keys[i]->count() == 0) continue;
    auto values = parser.keys[i]->results();
    parser.result.flags.push_back({std::string(options()[i].key), std::move(values)});
  }
  return std::move(parser.result);
}

std::string command_line_help() {
  return Parser().app.help();
}

completion::Command command_line_completion() {
  return completion::command_of(Parser().app, [](const std::string& name) {
    const auto* const option = find_option(std::string_view(name).substr(2));
    if (option == nullptr) return completion::Words();
    const std::string all(option->values);
    return values::words({&all, 1});
  });
}

}  // namespace masq::agent
