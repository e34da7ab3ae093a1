// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/address.hpp"
#include "base/result.hpp"
#include "model/desired.hpp"

namespace masq::agent {

// The parameters of GET /v1/explain?source=10.0.1.5&destination=8.8.8.8.
struct Question {
  Address source;
  Address destination;
};
Result<Question> parse_question(std::string_view target);

// Returns the reply, which is also the output of `masq explain -o json`: docs/reference.md.
nlohmann::ordered_json answer_question(const Desired& desired, const Question& question);

}  // namespace masq::agent
