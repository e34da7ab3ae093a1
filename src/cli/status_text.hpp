// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace masq::cli {

// Renders the agent's status document as text. Missing members are omitted, because the agent may have another version.
std::string render_status_text(const nlohmann::ordered_json& status);
// "OK", or the first problem.
std::string render_status_brief(const nlohmann::ordered_json& status);
// The value of the line "Masquerading:".
std::string render_masquerading(const nlohmann::ordered_json& masquerading);

bool is_healthy(const nlohmann::ordered_json& status);

}  // namespace masq::cli
