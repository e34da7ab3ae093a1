// SPDX-License-Identifier: Apache-2.0
#include "model/completion/completion.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "cli/command_line.hpp"
#include "datapath/event_source.hpp"
#include "datapath/mapping_table.hpp"
#include "unit/complete_in_bash.hpp"

namespace masq::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;

using Line = std::vector<std::string>;

Line complete(const Line& words) {
  return complete_in_bash(command_line_completion(), words);
}

Line split(std::string_view words) {
  Line line = {"masq"};
  for (std::size_t begin = 0; begin <= words.size();) {
    const auto blank = std::min(words.find(' ', begin), words.size());
    line.emplace_back(words.substr(begin, blank - begin));
    begin = blank + 1;
  }
  return line;
}

TEST(Completion, EveryCommandIsCompletedInBash) {
  for (const auto& command : commands()) {
    auto line = split(command.words);
    const auto word = line.back();
    EXPECT_THAT(complete(line), Contains(word));
    line.back().clear();
    EXPECT_THAT(complete(line), Contains(word));
    if (!command.alias.empty()) {
      EXPECT_THAT(complete(line), Contains(std::string(command.alias)));
    }
  }
}

TEST(Completion, EveryShellKnowsEveryCommandAndWord) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto text = completion::render(command_line_completion(), shell).value();
    for (const auto& command : commands()) {
      EXPECT_THAT(text, HasSubstr(split(command.words).back())) << shell;
      if (shell != std::string("bash")) {
        EXPECT_THAT(text, HasSubstr(command.help.substr(0, command.help.find_first_of("':")))) << shell;
      }
    }
    for (const char* state : mapping_states()) EXPECT_THAT(text, HasSubstr(state)) << shell;
    for (const auto& type : event_types()) EXPECT_THAT(text, HasSubstr(type)) << shell;
  }
}

TEST(Completion, BashCompletesTheOptionsOfACommand) {
  EXPECT_THAT(complete({"masq", "bpf", "nat", "ls", "--"}), Contains("--state"));
  EXPECT_THAT(complete({"masq", "bpf", "nat", "list", "--"}), Contains("--socket-path"));
  EXPECT_EQ(complete({"masq", "bpf", "nat", "flush", "--st"}), Line({"--stale"}));
  EXPECT_EQ(complete({"masq", "explain", "10.0.0.1", "192.0.2.1", "--dp"}), Line({"--dport"}));
  EXPECT_EQ(complete({"masq", "status", "--state"}), Line());
  EXPECT_EQ(complete({"masq", "-o", ""}), Line({"text", "json"}));
  EXPECT_EQ(complete({"masq", "bpf", "nat", "list", "--proto", "icmp"}), Line({"icmp", "icmpv6"}));
  EXPECT_EQ(complete({"masq", "--socket-path", "=", "/x", "stat"}), Line({"status"}));
}

TEST(Completion, WordsOfTheUserAreNotExecuted) {
  for (const Line& begin : {Line{"masq"}, {"masq", "bpf"}, {"masq", "bpf", "nat", "list", "--state"}})
    expect_that_words_are_not_executed(command_line_completion(), begin);
}

}  // namespace
}  // namespace masq::cli
