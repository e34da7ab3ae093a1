// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace masq::cli {

// Members of a document of an agent that may have another version. A missing member, or one of another type, reads as
// null, "", 0 or false.
const nlohmann::ordered_json& member(const nlohmann::ordered_json& object, const char* key);
std::string text_of(const nlohmann::ordered_json& object, const char* key);
std::uint64_t number_of(const nlohmann::ordered_json& object, const char* key);
bool flag_of(const nlohmann::ordered_json& object, const char* key);

}  // namespace masq::cli
