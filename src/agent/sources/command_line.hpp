// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/completion/completion.hpp"

namespace masq::agent {

// The command line of masqd. Values of flags are text; load_config() parses them together with the other sources.
struct CommandLine {
  struct Flag {
    std::string key;                  // a key of options()
    std::vector<std::string> values;  // in the given order
    bool operator==(const Flag&) const = default;
  };

  std::string config_file;  // empty: none
  std::string config_dir;   // empty: none
  bool dry_run = false;
  bool cleanup = false;
  bool cleanup_and_wait = false;
  bool mount_bpffs = false;
  bool version = false;
  bool help = false;
  std::vector<Flag> flags;
  bool operator==(const CommandLine&) const = default;
};

// `arguments` has no program name. An error is a usage error: exit 2.
Result<CommandLine> parse_command_line(std::span<const std::string> arguments);

// Returns the output of `masqd --help`: every key with its default.
std::string command_line_help();

// The options of masqd, for the completion of its command line.
completion::Command command_line_completion();

}  // namespace masq::agent
