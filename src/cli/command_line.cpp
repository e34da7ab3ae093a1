// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/protocol.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "datapath/event_source.hpp"
#include "datapath/mapping_table.hpp"
#include "model/completion/completion.hpp"
#include "model/completion/parser.hpp"
#include "model/config.hpp"

namespace masq::cli {
namespace {

// An option with a value, and the commands that accept it.
struct ValueOption {
  Command::Takes takes;
  const char* name;
  const char* placeholder;
  const char* help;
  Arguments::Option Arguments::* value;
  completion::Words (*words)() = [] { return completion::Words(); };  // accepted values; none: any
};

completion::Words state_words() {
  const auto states = mapping_states();
  return {states.begin(), states.end()};
}

completion::Words type_words() {
  return event_types();
}

completion::Words output_words() {
  return {"text", "json"};
}

constexpr ValueOption value_options[] = {
    {Command::pod, "--pod", "ADDRESS", "only this pod; a prefix selects several pods", &Arguments::pod},
    {Command::dst, "--dst", "CIDR", "only these destinations; an address selects one", &Arguments::dst},
    {Command::proto, "--proto", "NAME", "protocol: tcp, udp, icmp, icmpv6 or a number", &Arguments::proto,
     protocol_words},
    {Command::endpoints, "--dport", "PORT", "destination port; tcp unless --proto is given", &Arguments::dport},
    {Command::type, "--type", "TYPE", "only these types: created, ended, drop; separated by commas", &Arguments::type,
     type_words},
    {Command::once_and_rows, "--rows", "N", "maximum number of rows per table (default: 20)", &Arguments::rows},
    {Command::state, "--state", "STATE", "only mappings in this state", &Arguments::state, state_words},
};

// CLI11 keeps references to these members.
struct Parser {
  Parser();
  CLI::App* group(CLI::App& parent, const std::string& word, std::string_view words);
  void add(const Command& command);
  void add_options(CLI::App& leaf, std::uint32_t takes);

  Request request;
  std::string format = "text";
  CLI::App app{"masq shows the state of masqd, the IP masquerading agent of this node.", "masq"};
};

Parser::Parser() {
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", fmt::format("masq {}", MASQ_VERSION));
  app.add_option("--socket-path", request.socket_path, "the agent's socket")
      ->envname("MASQ_SOCKET_PATH")
      ->type_name("PATH")
      ->default_val(Config().socket_path);
  app.add_option("--bpf-root", request.bpf_root, "path of the bpffs")
      ->envname("MASQ_BPF_ROOT")
      ->type_name("PATH")
      ->default_val(Config().bpf_root);
  app.add_option("-o,--output", format, "text or json")->check(CLI::IsMember(output_words()))->default_val("text");
  for (const auto& command : commands()) add(command);
}

CLI::App* Parser::group(CLI::App& parent, const std::string& word, std::string_view words) {
  for (auto* known : parent.get_subcommands([&](const CLI::App* one) { return one->get_name() == word; })) return known;
  auto* added = parent.add_subcommand(word, std::string(group_help(words)));
  added->require_subcommand(1);
  added->fallthrough();
  return added;
}

void Parser::add(const Command& command) {
  auto* parent = &app;
  std::size_t begin = 0;
  for (auto blank = command.words.find(' '); blank != std::string_view::npos; blank = command.words.find(' ', begin)) {
    parent = group(*parent, std::string(command.words.substr(begin, blank - begin)), command.words.substr(0, blank));
    begin = blank + 1;
  }
  auto* leaf = parent->add_subcommand(std::string(command.words.substr(begin)), std::string(command.help));
  leaf->fallthrough();
  leaf->footer("Also: --socket-path, --bpf-root and -o; see masq --help.");
  if (!command.alias.empty()) leaf->alias(std::string(command.alias));
  add_options(*leaf, command.takes);
  leaf->callback([this, &command] { request.command = &command; });
}

void Parser::add_options(CLI::App& leaf, std::uint32_t takes) {
  auto& arguments = request.arguments;
  if (takes & Command::status_flags) {
    leaf.add_flag("--brief", arguments.brief, "OK, or the first problem");
    leaf.add_flag("--alive", arguments.alive, "OK if the agent answers, whatever its problems: for a liveness probe");
    leaf.add_flag("--ready", arguments.ready, "OK, or the first problem that /readyz reports: for a readiness probe");
  }
  if (takes & Command::stale_flag)
    leaf.add_flag("--stale", arguments.stale, "only mappings that the current configuration would treat differently");
  if (takes & Command::once_and_rows) leaf.add_flag("--once", arguments.once, "print one table, even on a terminal");
  if (takes & Command::optional_file)
    leaf.add_option("FILE", arguments.file,
                    fmt::format("file to check instead of {}", Config().ip_masq_agent_config_path));
  if (takes & Command::output_file)
    leaf.add_option("FILE", arguments.file, "file to make; by default masq-sysdump-HOST-TIME.tar");
  if (takes & Command::endpoints) {
    leaf.add_option("SRC", arguments.source, "a pod's address")->required();
    leaf.add_option("DST", arguments.destination, "destination address")->required();
  }
  for (const auto& option : value_options) {
    if (!(takes & option.takes)) continue;
    const auto keep = [&arguments, value = option.value](const CLI::results_t& results) {
      arguments.*value = results.front();
      return true;
    };
    leaf.add_option(option.name, keep, option.help)->type_name(option.placeholder)->expected(1);
  }
}

}  // namespace

Result<Request> parse_request(std::span<const std::string> arguments) {
  Parser parser;
  try {
    parser.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    parser.request.text = parser.app.help();
  } catch (const CLI::CallForVersion& version) {
    parser.request.text = fmt::format("{}\n", version.what());
  } catch (const CLI::Error& error) {
    return fail("{}; see masq --help", error.what());
  }
  if (!parser.request.text.empty()) parser.request.command = nullptr;
  parser.request.arguments.json = parser.format == "json";
  return std::move(parser.request);
}

completion::Command command_line_completion() {
  return completion::command_of(Parser().app, [](const std::string& name) {
    if (name == "--output") return output_words();
    const auto* const option = std::ranges::find(value_options, name, &ValueOption::name);
    return option == std::end(value_options) ? completion::Words() : option->words();
  });
}

}  // namespace masq::cli
