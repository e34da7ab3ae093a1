// SPDX-License-Identifier: Apache-2.0
#include "model/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace masq {
namespace {

constexpr std::size_t max_document_size = 8 << 20;
constexpr std::size_t max_nodes = 200'000;
constexpr std::size_t max_depth = 32;

struct Refusal {
  int line;
  std::string why;
};

int line_of(const YAML::Mark& mark) {
  return mark.line + 1;
}

bool is_null_word(const std::string& text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// Returns the offset at which a line begins; the first line is 1.
std::size_t begin_of(std::string_view text, int line) {
  std::size_t begin = 0;
  for (; line > 1; --line) {
    const auto end = text.find('\n', begin);
    if (end == text.npos) break;
    begin = end + 1;
  }
  return begin;
}

bool is_bare_dash(std::string_view line) {
  const auto dash = line.find_last_of('-');
  return dash != line.npos && is_blank_document(line.substr(dash + 1));
}

// An empty list item ("-" only) has the position of the following token. Returns the line of its dash: only blank lines
// and comments are between them.
int line_of_null_item(std::string_view text, const YAML::Mark& mark) {
  auto end = begin_of(text, line_of(mark));
  const bool null_is_written = text.substr(end, static_cast<std::size_t>(mark.column)).contains('-');
  if (null_is_written) return line_of(mark);
  for (int line = line_of(mark) - 1; line > 0; --line) {
    const auto newline = end < 2 ? text.npos : text.rfind('\n', end - 2);
    const auto begin = newline == text.npos ? 0 : newline + 1;
    const auto written = text.substr(begin, end - begin);
    if (is_bare_dash(written)) return line;
    if (!is_blank_document(written)) break;
    end = begin;
  }
  return line_of(mark);
}

// Builds the tree from the parser's events, because a YAML::Node hides anchors, tags and duplicate keys. Throws Refusal
// through yaml-cpp's parser; parse_yaml() catches it.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view text) : text_(text) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    // The search runs once: an error refers to the first null item.
    const bool item = !open_.empty() && open_.back().node.is_list() && !null_item_seen_;
    null_item_seen_ = null_item_seen_ || item;
    add({.kind = YamlNode::Kind::null, .line = item ? line_of_null_item(text_, mark) : line_of(mark)});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases (*name) are not accepted"); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    refuse(mark, "anchors (&name) are not accepted");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    if (tag != "?" && tag != "!") refuse(mark, "tags (!name) are not accepted");
    const bool quoted = tag == "!";
    const bool null = !quoted && is_null_word(value);
    add({.kind = null ? YamlNode::Kind::null : YamlNode::Kind::scalar,
         .quoted = quoted,
         .text = value,
         .line = line_of(mark)});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { close(); }

  YamlNode take_root() { return std::move(root_); }

 private:
  // An open list or map.
  struct Open {
    YamlNode node;
    bool key_is_next = true;
    std::string key{};
    int key_line = 0;
    std::unordered_set<std::string> keys{};
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, std::string why) {
    throw Refusal{line_of(mark), std::move(why)};
  }
  static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) refuse(mark, "anchors (&name) are not accepted");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    refuse_anchor(mark, anchor);
    if (tag != "?" && tag != "!" && !tag.empty()) refuse(mark, "tags (!name) are not accepted");
    if (open_.size() >= max_depth) refuse(mark, fmt::format("nested deeper than {} levels", max_depth));
    if (expects_key()) refuse(mark, "a key must be plain text");
    open_.push_back({.node = {.kind = kind, .line = line_of(mark)}});
  }

  void close() {
    auto node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  bool expects_key() const { return !open_.empty() && open_.back().node.is_map() && open_.back().key_is_next; }

  void add(YamlNode node) {
    if (++nodes_ > max_nodes) throw Refusal{node.line, fmt::format("more than {} entries", max_nodes)};
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& parent = open_.back();
    if (parent.node.is_map() && parent.key_is_next) {
      take_key(parent, node);
      return;
    }
    parent.key_is_next = true;
    if (parent.node.is_map()) {
      node.key = std::move(parent.key);
      node.line = parent.key_line;
    }
    parent.node.children.push_back(std::move(node));
  }

  static void take_key(Open& parent, const YamlNode& key) {
    if (!key.is_scalar()) throw Refusal{key.line, "a key must be plain text"};
    if (!parent.keys.insert(key.text).second) throw Refusal{key.line, fmt::format("{}: given twice", key.text)};
    parent.key = key.text;
    parent.key_line = key.line;
    parent.key_is_next = false;
  }

  std::string_view text_;
  bool null_item_seen_ = false;
  std::size_t nodes_ = 0;
  YamlNode root_;
  std::vector<Open> open_;
};

Result<YamlNode> parse(std::string_view text) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  TreeBuilder builder(text);
  if (!parser.HandleNextDocument(builder)) return YamlNode{.line = 1};
  TreeBuilder second(text);
  if (parser.HandleNextDocument(second)) return fail("line {}: more than one document", second.take_root().line);
  return builder.take_root();
}

}  // namespace

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "null";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::scalar:
      break;
  }
  return fmt::format("{:?}", node.text);
}

bool is_blank_document(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  bool comment = false;
  for (const char c : text) {
    if (c == '\n')
      comment = false;
    else if (c == '#')
      comment = true;
    else if (!comment && c != ' ' && c != '\t' && c != '\r')
      return false;
  }
  return true;
}

Result<YamlNode> parse_yaml(std::string_view text) {
  if (text.size() > max_document_size) return fail("line 1: larger than {} bytes", max_document_size);
  // yaml-cpp would ignore the rest of the text.
  if (const auto nul = text.find('\0'); nul != text.npos)
    return fail("line {}: a NUL byte", 1 + std::ranges::count(text.substr(0, nul), '\n'));
  try {
    return parse(text);
  } catch (const Refusal& refusal) {
    return fail("line {}: {}", refusal.line, refusal.why);
  } catch (const YAML::Exception& e) {
    return fail("line {}: {}", line_of(e.mark), e.msg);
  } catch (const std::exception& e) {
    return fail("line 1: {}", e.what());
  }
}

}  // namespace masq
