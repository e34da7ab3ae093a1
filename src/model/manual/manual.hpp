// SPDX-License-Identifier: Apache-2.0
// The parts of the man pages that come from the tables of options and commands, in the language of man(7).
#pragma once

#include <string>
#include <string_view>

#include "model/completion/completion.hpp"

namespace masq::manual {

// Returns `text` with the characters replaced that man(7) would interpret. A hyphen stays one when it is copied.
std::string escaped(std::string_view text);

// The options of one command, without those of the commands above it.
std::string render_options(const completion::Command& command);

// A section for each command with its arguments and options; alternative words follow the first.
std::string render_commands(const completion::Command& program);

// Every option of the configuration, for masqd.yaml(5).
std::string render_configuration();

// Fills the lines @OPTIONS@, @COMMANDS@ and @CONFIGURATION@ of a page, and the word @VERSION@.
struct Parts {
  std::string version;
  std::string options;
  std::string commands;
  std::string configuration;
};
std::string fill(std::string_view page, const Parts& parts);

}  // namespace masq::manual
