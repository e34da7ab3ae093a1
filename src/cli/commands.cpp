// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <span>
#include <string_view>

#include "base/printable.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"

namespace masq::cli {
namespace {

constexpr Command table[] = {
    {"status", "", "agent state and problems", Command::status_flags, show_status},
    {"bpf ipmasq list", "ls", "the ip-masq-agent's CIDRs in the kernel", Command::nothing, list_ip_masq},
    {"bpf nat list", "ls", "the mappings in the kernel, one per line",
     Command::pod | Command::dst | Command::proto | Command::state, list_mappings},
    {"bpf nat flush", "", "end all mappings, or those that match the options",
     Command::pod | Command::dst | Command::stale_flag, flush_mappings},
    {"explain", "", "the decision for a new connection, and its reason", Command::endpoints | Command::proto,
     explain_connection},
    {"top", "", "pods by mappings and ports, destinations with the fewest free ports", Command::once_and_rows,
     show_top},
    {"monitor", "", "live events: mappings created and ended, packets dropped", Command::type | Command::pod,
     monitor_events},
    {"doctor", "", "common faults of the node and of masqd, and what mends each", Command::nothing, diagnose},
    {"sysdump", "", "what a maintainer asks for, in one tar file, without secrets", Command::output_file, dump_system},
    {"config show", "", "every option of masqd, its value, the source that set it, and what a change needs",
     Command::nothing, show_config},
    {"config check", "", "check an ip-masq-agent file; changes nothing", Command::optional_file, check_config},
};

}  // namespace

std::span<const Command> commands() {
  return table;
}

std::string_view group_help(std::string_view words) {
  if (words == "bpf") return "state in the kernel, with or without an agent";
  if (words == "bpf ipmasq") return "the ip-masq-agent's CIDRs";
  if (words == "bpf nat") return "the mappings";
  if (words == "config") return "options of masqd, and configuration files";
  return "";
}

int exit_with_error(const CommandContext& context, Exit exit, const Error& error) {
  context.err(fmt::format("masq: {}\n", printable(error.message)));
  return exit;
}

}  // namespace masq::cli
