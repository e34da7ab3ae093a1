// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq {

// A document as configuration needs it: maps, lists and text, each with the line it stands on. JSON is read by the
// same parser, being YAML's flow style.
struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map };

  Kind kind = Kind::null;
  bool quoted = false;               // a scalar in quotes or a block: text, never a number or a boolean
  std::string text{};                // of a scalar
  int line = 0;                      // from 1; of a map's entry: the line of its key
  std::string key{};                 // of a map's entry
  std::vector<YamlNode> children{};  // of a list or a map, in the order they were written

  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_null() const { return kind == Kind::null; }
};

// How an error names the node: the text in quotes, "null", "a list" or "a map".
std::string describe(const YamlNode& node);

// True when there is nothing in it but blanks and comments.
bool is_blank_document(std::string_view text);

// Stricter than YAML where leniency hides mistakes or lets a small text grow large: one document, at most 8 MiB,
// 200,000 entries and 32 levels deep, no anchors, aliases or tags, no key twice in a map. An error begins with "line 3:
// ".
Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace masq
