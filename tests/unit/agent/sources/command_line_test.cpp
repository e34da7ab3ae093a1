// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/command_line.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <ostream>
#include <string>
#include <vector>

#include "model/completion/completion.hpp"
#include "model/options/options.hpp"
#include "unit/complete_in_bash.hpp"

namespace masq::agent {

void PrintTo(const CommandLine::Flag& flag, std::ostream* out) {
  *out << fmt::format("{}={}", flag.key, fmt::join(flag.values, "|"));
}

namespace {

using testing::HasSubstr;
using Arguments = std::vector<std::string>;

TEST(CommandLine, FlagsTakeTheirValueInEitherWay) {
  struct Case {
    Arguments arguments;
    std::vector<CommandLine::Flag> flags;
  };
  const Case cases[] = {
      {{}, {}},
      {{"--devices", "eth0"}, {{"devices", {"eth0"}}}},
      {{"--devices=eth0"}, {{"devices", {"eth0"}}}},
      {{"--devices", "eth0,eth1", "--devices=wlan0"}, {{"devices", {"eth0,eth1", "wlan0"}}}},
      {{"--devices="}, {{"devices", {""}}}},
      {{"--devices", ""}, {{"devices", {""}}}},
      {{"--devices=", "--random-fully"}, {{"devices", {""}}, {"random-fully", {"true"}}}},
      {{"--devices=a=b"}, {{"devices", {"a=b"}}}},
      {{"--devices", "[a, b]"}, {{"devices", {"[a, b]"}}}},
      {{"--random-fully"}, {{"random-fully", {"true"}}}},
      {{"--random-fully", "false"}, {{"random-fully", {"false"}}}},
      {{"--random-fully=false"}, {{"random-fully", {"false"}}}},
      {{"--random-fully="}, {{"random-fully", {""}}}},
      {{"--enable-k8s", "auto"}, {{"enable-k8s", {"auto"}}}},
      {{"--nat-max-mappings", "-5"}, {{"nat-max-mappings", {"-5"}}}},
      {{"--bpf-nat-global-max", "5"}, {{"nat-max-mappings", {"5"}}}},
      {{"--bpf-nat-global-max", "5", "--nat-max-mappings=6"}, {{"nat-max-mappings", {"5", "6"}}}},
  };
  for (const auto& [arguments, flags] : cases) {
    const auto parsed = parse_command_line(arguments);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->flags, flags);
  }
}

TEST(CommandLine, KnowsWhatIsNoKey) {
  const auto parsed = parse_command_line(Arguments{"--config", "a.yaml", "--config-dir=/etc/d", "--dry-run"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, (CommandLine{.config_file = "a.yaml", .config_dir = "/etc/d", .dry_run = true}));
  EXPECT_TRUE(parse_command_line(Arguments{"--cleanup"})->cleanup);
  EXPECT_FALSE(parse_command_line(Arguments{"--cleanup"})->cleanup_and_wait);
  EXPECT_TRUE(parse_command_line(Arguments{"--cleanup-and-wait"})->cleanup_and_wait);
  EXPECT_TRUE(parse_command_line(Arguments{"--mount-bpffs"})->mount_bpffs);
  EXPECT_TRUE(parse_command_line(Arguments{"--version"})->version);
  EXPECT_TRUE(parse_command_line(Arguments{"--help"})->help);
  EXPECT_TRUE(parse_command_line(Arguments{"-h"})->help);
}

TEST(CommandLine, WrongUseIsAnErrorOfOneLine) {
  const Arguments cases[] = {{"--foo"},
                             {"--foo=1"},
                             {"eth0"},
                             {"--devices"},
                             {"--devices", "eth0", "eth1"},
                             {"-x"},
                             {"--enable-ipv4-masq"},
                             {"--config"},
                             {"--dry-run=maybe"},
                             {"--", "--foo"},
                             {"--config", "a", "--config", "b"}};
  for (const auto& arguments : cases) {
    const auto parsed = parse_command_line(arguments);
    ASSERT_FALSE(parsed) << arguments.front();
    EXPECT_FALSE(parsed.error().message.contains('\n')) << parsed.error().message;
    EXPECT_THAT(parsed.error().message, HasSubstr("masqd --help"));
  }
  EXPECT_THAT(parse_command_line(Arguments{"--foo=1"}).error().message, HasSubstr("--foo=1"));
}

TEST(CommandLine, HelpNamesEveryKey) {
  const auto help = command_line_help();
  for (const auto& option : options()) {
    EXPECT_THAT(help, HasSubstr(fmt::format("--{}", option.key)));
    EXPECT_THAT(help, HasSubstr(std::string(option.help.substr(0, 20))));
  }
  for (const auto* const flag : {"--config ", "--config-dir ", "--dry-run", "--cleanup ", "--cleanup-and-wait",
                                 "--mount-bpffs", "--version", "--help"})
    EXPECT_THAT(help, HasSubstr(flag));
}

TEST(CommandLineCompletion, EveryShellKnowsEveryOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto text = completion::render(command_line_completion(), shell).value();
    const std::string before = shell == std::string("fish") ? " -l " : "--";
    for (const auto& option : options()) {
      EXPECT_THAT(text, HasSubstr(fmt::format("{}{}", before, option.key))) << shell;
      if (!option.alias.empty()) {
        EXPECT_THAT(text, HasSubstr(fmt::format("{}{}", before, option.alias))) << shell;
      }
      if (!option.values.empty()) {
        EXPECT_THAT(text, HasSubstr(std::string(option.values))) << shell;
      }
    }
    for (const char* name :
         {"config", "config-dir", "dry-run", "cleanup", "cleanup-and-wait", "mount-bpffs", "version", "help"})
      EXPECT_THAT(text, HasSubstr(before + name)) << shell;
  }
}

TEST(CommandLineCompletion, BashCompletesOptionsAndTheirValues) {
  const auto program = command_line_completion();
  const auto complete = [&](const Arguments& words) { return complete_in_bash(program, words); };
  EXPECT_EQ(complete({"masqd", "--dry"}), Arguments({"--dry-run"}));
  EXPECT_EQ(complete({"masqd", "--log-level", ""}), Arguments({"debug", "info", "warning", "error"}));
  EXPECT_EQ(complete({"masqd", "--datapath", "=", "nf"}), Arguments({"nftables"}));
  EXPECT_EQ(complete({"masqd", "--random-fully", "f"}), Arguments({"false"}));
  EXPECT_EQ(complete({"masqd", "--random-fully", "--log-f"}), Arguments({"--log-format"}));
  EXPECT_EQ(complete({"masqd", "--socket-path", ""}), Arguments());
  expect_that_words_are_not_executed(program, {"masqd"});
}

}  // namespace
}  // namespace masq::agent
