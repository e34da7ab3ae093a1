// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace masq {

// Returns the number of letters to insert, remove or replace that make one word of the other (Levenshtein).
std::size_t edit_distance(std::string_view one, std::string_view other);

}  // namespace masq
