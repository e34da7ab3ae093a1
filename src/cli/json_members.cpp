// SPDX-License-Identifier: Apache-2.0
#include "cli/json_members.hpp"

#include <cstdint>
#include <string>

namespace masq::cli {

using Json = nlohmann::ordered_json;

const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : nothing;
}
std::string text_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}
std::uint64_t number_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_number_unsigned() || (value.is_number_integer() && value > 0) ? value.get<std::uint64_t>() : 0;
}
bool flag_of(const Json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

}  // namespace masq::cli
