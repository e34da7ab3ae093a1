// SPDX-License-Identifier: Apache-2.0
// Completion of a command line in bash, zsh and fish. The parsers of masqd and
// masq give their commands and options, so no list is written twice.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq::completion {

using Words = std::vector<std::string>;

struct Option {
  enum class Value : std::uint8_t { none, optional, required };

  Words names;  // "--output", "-o"
  std::string help;
  Value value = Value::none;
  Words words;           // accepted values; empty: any value
  bool is_path = false;  // the value is a path
};

struct Command {
  Words names;  // "list", "ls"; of the first command: the program
  std::string help;
  std::vector<Option> options;  // the options of the commands above are accepted too
  std::vector<Command> commands;
  Words arguments;          // after the words: "SRC", "DST", "[FILE]"
  bool takes_path = false;  // the argument after the words is a path
};

// Returns a script for "bash", "zsh" or "fish". Names and words may contain
// letters, digits and . + _ - only, because shells expand them; others are an
// error. Texts of help are quoted.
Result<std::string> render(const Command& program, std::string_view shell);

Result<std::string> render_bash(const Command& program);
Result<std::string> render_zsh(const Command& program);
Result<std::string> render_fish(const Command& program);

// The options of `command` and, behind them, those of the commands above it
// that it does not replace.
std::vector<Option> with_inherited(const Command& command, const std::vector<Option>& above);

// Visits the program and each command below it. `path` has a blank before each
// word: "", " bpf", " bpf nat list". The alternative names of the last word are
// in `command`. `options` includes the inherited ones.
using Visit = std::function<void(const std::string& path, const Command& command, const std::vector<Option>& options)>;
void visit_commands(const Command& program, const Visit& visit);

}  // namespace masq::completion
