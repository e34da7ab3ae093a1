// SPDX-License-Identifier: Apache-2.0
#include "model/completion/completion.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "unit/complete_in_bash.hpp"

namespace masq::completion {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Value = Option::Value;

Command tool() {
  const Option help{.names = {"--help", "-h"}, .help = "print this"};
  const Option color{
      .names = {"--color"}, .help = "the user's [color]: $HOME", .value = Value::optional, .words = {"red", "blue"}};
  const Option root{.names = {"--root"}, .help = "a directory", .value = Value::required, .is_path = true};
  const Option size{.names = {"--size", "-s"}, .help = "size", .value = Value::required, .words = {"small", "large"}};
  return {.names = {"tool"},
          .options = {help, color, root},
          .commands = {{.names = {"list", "ls"}, .help = "all", .options = {help, size}},
                       {.names = {"file"}, .help = "files", .commands = {{.names = {"check"}, .takes_path = true}}}}};
}

TEST(Completion, CommandsAndOptionsAreCompletedInBash) {
  struct Case {
    std::vector<std::string> words;
    std::vector<std::string> answers;
  };
  const Case cases[] = {
      {{"tool", ""}, {"list", "ls", "file"}},
      {{"tool", "l"}, {"list", "ls"}},
      {{"tool", "--c"}, {"--color"}},
      {{"tool", "--root", "list", ""}, {"list", "ls", "file"}},
      {{"tool", "--root", "=", "/x", "l"}, {"list", "ls"}},
      {{"tool", "--root=/x", "l"}, {"list", "ls"}},
      {{"tool", "list", "-"}, {"--help", "-h", "--size", "-s", "--color", "--root"}},
      {{"tool", "ls", "--si"}, {"--size"}},
      {{"tool", "ls", "--size", ""}, {"small", "large"}},
      {{"tool", "ls", "--size", "=", "l"}, {"large"}},
      {{"tool", "ls", "-s", "="}, {"small", "large"}},
      {{"tool", "ls", "argument", "--si"}, {"--size"}},
      {{"tool", "--color", ""}, {"red", "blue"}},
      {{"tool", "--color", "--ro"}, {"--root"}},
      {{"tool", "file", ""}, {"check"}},
      {{"tool", "unknown", ""}, {}},
      {{"tool", "list", ""}, {}},
      {{"tool", "l*"}, {}},
  };
  for (const auto& row : cases) EXPECT_EQ(complete_in_bash(tool(), row.words), row.answers) << row.words.back();
}

TEST(Completion, WordsOfTheUserAreNotExecuted) {
  for (const std::vector<std::string>& begin :
       {std::vector<std::string>{"tool"}, {"tool", "ls", "--size"}, {"tool", "file", "check"}, {"tool", "--color"}})
    expect_that_words_are_not_executed(tool(), begin);
}

TEST(Completion, WordsThatAShellWouldExpandAreRejected) {
  for (const char* word : {"$(reboot)", "`x`", "a b", "*", "", "a'b", "a;b", "a:b"}) {
    auto with_word = tool();
    with_word.options[0].words = {word};
    EXPECT_FALSE(render(with_word, "bash")) << word;
    auto with_name = tool();
    with_name.commands[0].commands = {{.names = {word}}};
    EXPECT_FALSE(render(with_name, "zsh")) << word;
  }
  EXPECT_FALSE(render(tool(), "csh"));
}

TEST(Completion, TextsOfHelpAreQuoted) {
  EXPECT_THAT(render(tool(), "zsh").value(),
              HasSubstr(R"('*--color=[the user'\''s \[color\]\: $HOME]::value:(red blue)')"));
  EXPECT_THAT(render(tool(), "fish").value(), HasSubstr(R"(-l color -a 'red blue' -d 'the user\'s [color]: $HOME')"));
  EXPECT_THAT(render(tool(), "bash").value(), Not(HasSubstr("HOME")));
}

TEST(Completion, ZshHasAFunctionForEachCommand) {
  const auto text = render(tool(), "zsh").value();
  for (const char* part : {"#compdef tool\n", "_tool_list() {", "_tool_file_check() {", "list | ls) _tool_list ;;",
                           "words_below=('list:all' 'ls:all' 'file:files')", "'*--root=[a directory]:value:_files'",
                           "'(--size -s)-s+[size]:value:(small large)'", "'::file:_files'"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(Completion, FishKnowsTheCommandOfAnOption) {
  const auto text = render(tool(), "fish").value();
  for (const char* part :
       {"complete -c tool -n '__tool_at \"\"' -a ls -d 'all'\n", "complete -c tool -l root -r -F -d 'a directory'\n",
        "complete -c tool -n '__tool_below \"ls\"' -l size -s s -x -a 'small "
        "large' -d 'size'\n",
        "complete -c tool -n '__tool_at \"file\"' -a check -d ''\n",
        "complete -c tool -n '__tool_below \"file check\"' -F\n", "case --root --size -s\n"})
    EXPECT_THAT(text, HasSubstr(part));
}

}  // namespace
}  // namespace masq::completion
