// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/json_splitter.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq::kubernetes {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// The number of characters at the beginning of a text inside an object that change no state.
std::size_t plain_length(std::string_view text, bool in_string) {
  constexpr auto is_plain_in_string = [](char c) { return c != '"' && c != '\\'; };
  constexpr auto is_plain = [](char c) { return c != '"' && c != '{' && c != '}' && c != '[' && c != ']'; };
  const auto end =
      in_string ? std::ranges::find_if_not(text, is_plain_in_string) : std::ranges::find_if_not(text, is_plain);
  return static_cast<std::size_t>(end - text.begin());
}

}  // namespace

Result<void> JsonSplitter::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (in_object_ && !escaped_) {
      const auto plain = plain_length(piece, in_string_);
      object_ += piece.substr(0, plain);
      piece.remove_prefix(plain);
      if (piece.empty()) return check_size();
    }
    TRY_DO(take(piece.front()));
    piece.remove_prefix(1);
  }
  return {};
}

Result<void> JsonSplitter::check_size() const {
  if (object_.size() > max_object) return fail("a JSON object of more than {} bytes", max_object);
  return {};
}

Result<std::string> JsonSplitter::finish() const {
  if (in_object_ || in_string_ || depth_ != 0 || (form_ == Form::list && !is_complete_))
    return fail("the JSON text ends too early");
  return rest_;
}

Result<void> JsonSplitter::take(char c) {
  if (!in_object_) TRY_DO(take_outside_object(c));
  follow_nesting(c);
  if (depth_ < 0 || depth_ > max_depth) return fail("JSON: {:?} after {} open brackets", std::string(1, c), depth_);
  if (!in_object_) return {};
  object_ += c;
  TRY_DO(check_size());
  if (in_string_ || depth_ != object_depth()) return {};
  in_object_ = false;
  auto handled = handle_(object_);
  object_.clear();
  return handled;
}

// An object begins here, or the character belongs to the text around the objects.
Result<void> JsonSplitter::take_outside_object(char c) {
  const bool between = form_ == Form::stream || (in_items_ && depth_ == object_depth());
  if (between && c == '{') {
    in_object_ = true;
    return {};
  }
  if (is_blank(c) && !in_string_) return {};
  if (form_ == Form::stream || is_complete_) return fail("JSON: an object is expected, not {:?}", std::string(1, c));
  if (between && c == ',') return {};
  if (between && c != ']') return fail("JSON: an object is expected in items, not {:?}", std::string(1, c));
  if (between) in_items_ = false;
  if (depth_ == 0 && c != '{') return fail("JSON: an object is expected, not {:?}", std::string(1, c));
  if (rest_.size() == max_rest) return fail("a JSON list with more than {} bytes around its items", max_rest);
  rest_ += c;
  follow_member(c);
  return {};
}

// Finds the array of the member "items" in the outer object.
void JsonSplitter::follow_member(char c) {
  if (depth_ == 1 && c == '[' && !in_string_ && name_ == "items") in_items_ = true;
  if (depth_ != 1 || (in_string_ && c == '"' && !escaped_)) return;
  if (!in_string_ && c == '"')
    name_.clear();
  else if (in_string_)
    name_ += c;
}

void JsonSplitter::follow_nesting(char c) {
  if (in_string_) {
    if (c == '"' && !escaped_) in_string_ = false;
    escaped_ = c == '\\' && !escaped_;
    return;
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if (c != '}' && c != ']') return;
  --depth_;
  if (depth_ == 0 && form_ == Form::list) is_complete_ = true;
}

}  // namespace masq::kubernetes
