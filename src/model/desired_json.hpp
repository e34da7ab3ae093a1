// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "base/result.hpp"
#include "model/desired.hpp"

namespace masq {

// What decides about packets, for those who decide elsewhere with decide_destination() and would_decide_otherwise():
// GET /v1/desired. What is only shown (notes, exclusions as written) is not in it.
nlohmann::ordered_json desired_to_json(const Desired& desired);
Result<Desired> desired_from_json(const nlohmann::ordered_json& document);

}  // namespace masq
