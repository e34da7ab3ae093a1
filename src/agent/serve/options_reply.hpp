// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "agent/sources/options_source.hpp"
#include "model/config.hpp"

namespace masq::agent {

// The document of /v1/options: every option, its value in force, the source that set it, and the cost of a change
// (docs/reference.md). `datapath`: the active one, for the options that have no effect with it.
nlohmann::ordered_json render_options(const OptionsSource& options, DatapathKind datapath);

}  // namespace masq::agent
