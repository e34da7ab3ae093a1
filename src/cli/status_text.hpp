// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace masq {

// The agent's status document in the form that people read. What is missing in it is left out: an agent of another
// version may answer.
std::string render_status_text(const nlohmann::ordered_json& status);
// "OK", or the first problem.
std::string render_status_brief(const nlohmann::ordered_json& status);
// The value of the line "Masquerading:".
std::string render_masquerading(const nlohmann::ordered_json& masquerading);

bool is_healthy(const nlohmann::ordered_json& status);

}  // namespace masq
