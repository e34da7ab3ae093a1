// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "base/result.hpp"
#include "model/desired.hpp"

namespace masq {

// The part of the desired state that decides about packets, for other processes that call decide_destination() and
// is_stale(): GET /v1/desired. It omits display-only parts (notes, exclusions as written).
nlohmann::ordered_json desired_to_json(const Desired& desired);
Result<Desired> desired_from_json(const nlohmann::ordered_json& document);

}  // namespace masq
