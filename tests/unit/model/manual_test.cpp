// SPDX-License-Identifier: Apache-2.0
#include "model/manual/manual.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <string>

#include "model/completion/completion.hpp"
#include "model/options/options.hpp"

namespace masq::manual {
namespace {

using completion::Command;
using completion::Option;
using testing::HasSubstr;
using testing::Not;

Command tool() {
  const Option help{.names = {"--help", "-h"}, .help = "print this"};
  const Option root{.names = {"--root"}, .help = "the user's root", .value = Option::Value::required, .is_path = true};
  const Option size{
      .names = {"--size", "-s"}, .help = "size", .value = Option::Value::optional, .words = {"small", "large"}};
  return {.names = {"tool"},
          .options = {help, root},
          .commands = {{.names = {"group"},
                        .help = "several",
                        .commands = {{.names = {"list", "ls"},
                                      .help = "all that exists",
                                      .options = {help, size},
                                      .arguments = {"SRC", "[FILE]"}}}}}};
}

TEST(Manual, TextIsNotReadAsARequest) {
  EXPECT_EQ(escaped(".TH is no request"), "\\&.TH is no request");
  EXPECT_EQ(escaped("a\n.b"), "a\n\\&.b");
  EXPECT_EQ(escaped("it's"), "it\\(aqs");
  EXPECT_EQ(escaped("'br"), "\\(aqbr");
  EXPECT_EQ(escaped("a\\b-c"), "a\\eb\\-c");
}

TEST(Manual, AnOptionHasNamesValueAndHelp) {
  const auto text = render_options(tool());
  EXPECT_THAT(text, HasSubstr(".TP\n\\fB\\-\\-help\\fR, \\fB\\-h\\fR\nprint this.\n"));
  EXPECT_THAT(text, HasSubstr(".TP\n\\fB\\-\\-root\\fR \\fIPATH\\fR\nthe user\\(aqs root.\n"));
}

TEST(Manual, ACommandHasArgumentsAndItsOwnOptions) {
  const auto text = render_commands(tool());
  EXPECT_THAT(text,
              HasSubstr(".SS \\fBtool group list\\fR, \\fBls\\fR \\fISRC\\fR \\fI[FILE]\\fR\nall that exists.\n"));
  EXPECT_THAT(text, HasSubstr("\\fB\\-\\-size\\fR, \\fB\\-s\\fR[=small|large]\n"));
  EXPECT_THAT(text, Not(HasSubstr("help")));
  EXPECT_THAT(text, Not(HasSubstr("several")));
}

TEST(Manual, TheConfigurationHasEveryOption) {
  const auto text = render_configuration();
  for (const auto& option : options())
    EXPECT_THAT(text, HasSubstr(".TP\n\\fB" + escaped(option.key) + "\\fR (default: ")) << option.key;
  EXPECT_THAT(text, HasSubstr("\\fBnat\\-max\\-mappings\\fR (default: \\fBauto\\fR)\n"
                              "maximum number of mappings per family, 16 to 8388608. With the datapath bpf only. "
                              "Alias: \\fBbpf\\-nat\\-global\\-max\\fR.\n"));
  EXPECT_THAT(text, HasSubstr("one of text, json. A change needs a restart.\n"));
}

TEST(Manual, APageIsFilled) {
  const Parts parts{.version = "1.2", .options = "OPTIONS\n", .commands = "@VERSION@\n", .configuration = "KEYS\n"};
  EXPECT_EQ(fill(".TH X \"@VERSION@\"\n@OPTIONS@\n@COMMANDS@\n@CONFIGURATION@\n", parts),
            ".TH X \"1.2\"\nOPTIONS\n@VERSION@\nKEYS\n");
}

TEST(ConfigurationFile, HasEveryOptionAsACommentWithItsDefault) {
  const auto text = options_as_yaml();
  for (const auto& option : options()) {
    auto line = "\n#" + std::string(option.key) + ":";
    if (!option.default_text.empty()) line += " " + std::string(option.default_text);
    EXPECT_THAT(text, HasSubstr(line + "\n")) << option.key;
  }
  EXPECT_THAT(text, HasSubstr("# a bpffs; mounted if it is not (restart)\n"));
  EXPECT_THAT(text, HasSubstr("(default: the uplink's)"));
}

TEST(ConfigurationFile, IsABlankDocumentWithShortLines) {
  const auto text = options_as_yaml();
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != text.npos; begin = end + 1, end = text.find('\n', begin)) {
    EXPECT_LE(end - begin, 120u) << text.substr(begin, end - begin);
    EXPECT_TRUE(end == begin || text[begin] == '#') << text.substr(begin, end - begin);
  }
}

}  // namespace
}  // namespace masq::manual
