// SPDX-License-Identifier: Apache-2.0
#include "model/yaml.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace masq {
namespace {

using testing::StartsWith;

// The tree in one line: a map as {key:value}, a list as [item], text as it is, quoted text in quotes.
std::string shape(const YamlNode& node) {
  std::string inside;
  for (const auto& child : node.children)
    inside += (inside.empty() ? "" : ",") + (node.is_map() ? child.key + ":" : "") + shape(child);
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "null";
    case YamlNode::Kind::scalar:
      return node.quoted ? "'" + node.text + "'" : node.text;
    case YamlNode::Kind::list:
      return "[" + inside + "]";
    case YamlNode::Kind::map:
      return "{" + inside + "}";
  }
  return "";
}

TEST(Yaml, ReadsMapsListsAndText) {
  struct Case {
    std::string text, expected;
  };
  const Case cases[] = {
      {"a: 1\nb: [x, 'y', \"z\"]\n", "{a:1,b:[x,'y','z']}"},
      {"{\"a\":1,\n\t\"b\":[\"x\"],\"c\":null}", "{a:1,b:['x'],c:null}"},
      {"a:\n  b:\n  - c\n  -\n", "{a:{b:[c,null]}}"},
      {"a: ~\nb: 'null'\nc: |\n  text\n", "{a:null,b:'null',c:'text\n'}"},
      {"", "null"},
      {"---\na: b\n...\n", "{a:b}"},
      {"\xef\xbb\xbf{}", "{}"},
      {"a: b\r\nc: d\r\n", "{a:b,c:d}"},
  };
  for (const auto& [text, expected] : cases) {
    const auto document = parse_yaml(text);
    ASSERT_TRUE(document) << document.error().message;
    EXPECT_EQ(shape(*document), expected) << text;
  }
}

TEST(Yaml, KnowsTheLineOfEverything) {
  const auto document = parse_yaml("a: 1\nb:\n  - x\n  - y\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->children[0].line, 1);
  EXPECT_EQ(document->children[1].line, 2);
  EXPECT_EQ(document->children[1].children[1].line, 4);
}

TEST(Yaml, RefusesWhatHidesMistakes) {
  struct Case {
    std::string text, expected;
  };
  const Case cases[] = {
      {"a: 1\na: 2\n", "line 2: a: given twice"},
      {"a:\n  b: 1\n  b: 2\n", "line 3: b: given twice"},
      {"a: &x 1\nb: *x\n", "line 1: anchors (&name) are not accepted"},
      {"a: *x\n", "line 1: "},
      {"a: !!str 1\n", "line 1: tags (!name) are not accepted"},
      {"a: !x [1]\n", "line 1: tags (!name) are not accepted"},
      {"a: 1\n---\nb: 2\n", "line 3: more than one document"},
      {"{} x", "line 1: more than one document"},
      {"? [a]\n: b\n", "line 1: a key must be plain text"},
      {"? {a: b}\n: b\n", "line 1: a key must be plain text"},
      {"~: b\n", "line 1: a key must be plain text"},
      {"a: [1\n", "line "},
      {"a: b: c\n", "line 1: "},
      {"\ta: b\n", "line 1: "},
      {std::string("a: 1\nb: \0\n", 10), "line 2: a NUL byte"},
      {std::string(40, '[') + std::string(40, ']'), "line 1: nested deeper than 32 levels"},
      {std::string(200'000, '['), "line 1: "},
      {[] {
         std::string items;
         for (int i = 0; i < 300'000; ++i) items += "-\n";
         return items;
       }(),
       "line 200002: more than 200000 entries"},
      {"a: " + std::string(9 << 20, 'x'), "line 1: larger than"},
  };
  for (const auto& [text, expected] : cases) {
    const auto document = parse_yaml(text);
    ASSERT_FALSE(document) << text.substr(0, 40);
    EXPECT_THAT(document.error().message, StartsWith(expected)) << text.substr(0, 40);
    EXPECT_FALSE(document.error().message.contains('\n'));
  }
}

// A file that others can write must not stop the agent. The bound is far above the time that linear work needs.
TEST(Yaml, IsReadInLinearTime) {
  const auto repeat = [](std::string_view text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  const std::string documents[] = {
      "a: [\n" + repeat("\n", 300'000) + ",]\n",
      "a: [\n" + repeat("# comment\n", 100'000) + ",]\n",
      "a:\n-\n" + repeat("\n", 300'000) + "- b\n",
      "a: [" + repeat(",", 300'000) + "]\n",
      "a: " + repeat("[", 300'000),
      "a: " + repeat("{", 300'000),
      "a: \"" + repeat("\n", 300'000) + "\"\n",
      "a: " + repeat("word\n  ", 100'000) + "\n",
      repeat("- ", 300'000) + "\n",
      repeat("? ", 300'000) + "\n",
      "a: |\n" + repeat("\n", 300'000) + "  b\n",
      repeat("a: 1\n", 100'000),
  };
  for (const auto& text : documents) {
    const auto start = std::chrono::steady_clock::now();
    std::ignore = parse_yaml(text);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << text.substr(0, 20);
  }
}

TEST(Yaml, AnEmptyItemHasTheLineOfItsDash) {
  for (const auto& [text, line] :
       {std::pair("a:\n-\n\n# comment\n- b\n", 2), {"a:\n- b\n-\n\n", 3}, {"a:\n- b\n- ~\n", 3}}) {
    const auto document = parse_yaml(text);
    ASSERT_TRUE(document) << text;
    for (const auto& item : document->children[0].children)
      EXPECT_TRUE(item.kind != YamlNode::Kind::null || item.line == line) << text << item.line;
  }
}

TEST(Yaml, BlanksAndCommentsAreNoDocument) {
  for (const auto* const text : {"", "\n", "  \t\r\n", "# only this", "\n  # a: b\n#\n", "\xef\xbb\xbf\n"})
    EXPECT_TRUE(is_blank_document(text)) << text;
  for (const auto* const text : {"{}", "---", "# a\nb", " x"}) EXPECT_FALSE(is_blank_document(text)) << text;
}

}  // namespace
}  // namespace masq
