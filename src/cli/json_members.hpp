// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace masq::cli {

// Members of a document of an agent that may have another version. A missing member, or one of another type, reads as
// null, "", 0 or false.
const nlohmann::ordered_json& member(const nlohmann::ordered_json& object, const char* key);
// A text is printable(): names and values of others are in it.
std::string text_of(const nlohmann::ordered_json& object, const char* key);
std::string text_of(const nlohmann::ordered_json& value);
std::uint64_t number_of(const nlohmann::ordered_json& object, const char* key);
bool flag_of(const nlohmann::ordered_json& object, const char* key);

// Returns the text of a command's document. Bytes that are no UTF-8 are replaced.
std::string document_text(const nlohmann::ordered_json& document);

}  // namespace masq::cli
