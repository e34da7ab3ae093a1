// SPDX-License-Identifier: Apache-2.0
#include "cli/limits.hpp"

#include "cli/json_members.hpp"

namespace masq::cli {

Limits limits_of(const nlohmann::ordered_json& document) {
  const auto& limits = member(document, "limits");
  return {.mappings = number_of(limits, "mappings"),
          .per_pod = number_of(limits, "mappingsPerPod"),
          .ports = number_of(limits, "ports")};
}

}  // namespace masq::cli
