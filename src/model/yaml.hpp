// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq {

// A configuration document: maps, lists and text, each with its line. The same parser reads JSON, which is YAML's flow
// style.
struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map };

  Kind kind = Kind::null;
  bool quoted = false;               // a quoted or block scalar: always text, never a number or a boolean
  std::string text{};                // of a scalar
  int line = 0;                      // from 1; of a map's entry: the line of its key
  std::string key{};                 // of a map's entry
  std::vector<YamlNode> children{};  // of a list or a map, in the written order

  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_null() const { return kind == Kind::null; }
};

// Returns the name of the node for error messages: the text in quotes, "null", "a list" or "a map".
std::string describe(const YamlNode& node);

// Returns true if the text contains only blanks and comments.
bool is_blank_document(std::string_view text);

// Parses a document more strictly than YAML: one document, at most 8 MiB, 200,000 entries and 32 levels, no anchors,
// aliases or tags, no duplicate keys in a map. This detects mistakes, and limits the size of the result. An error
// begins with "line 3: ".
Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace masq
