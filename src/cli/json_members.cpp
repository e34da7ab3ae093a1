// SPDX-License-Identifier: Apache-2.0
#include "cli/json_members.hpp"

#include <cstdint>
#include <string>

#include "base/printable.hpp"

namespace masq::cli {

using Json = nlohmann::ordered_json;

const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : nothing;
}
std::string text_of(const Json& value) {
  return value.is_string() ? printable(value.get<std::string>()) : std::string();
}
std::string text_of(const Json& object, const char* key) {
  return text_of(member(object, key));
}
std::uint64_t number_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number_unsigned() || (value.is_number_integer() && value > 0) ? value.get<std::uint64_t>() : 0;
}
bool flag_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}
std::string document_text(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace masq::cli
