// SPDX-License-Identifier: Apache-2.0
// Reading JSON of others, in which any member may be missing or of another type. `Json` is one of nlohmann's types.
#pragma once

#include <string>

namespace masq {

// Returns null if `object` is no object or has no such member.
template <class Json>
const Json& member_of(const Json& object, const char* key) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

// Returns the empty text for any value that is no text.
template <class Json>
std::string text_or_empty(const Json& value) {
  return value.is_string() ? value.template get<std::string>() : std::string();
}

}  // namespace masq
