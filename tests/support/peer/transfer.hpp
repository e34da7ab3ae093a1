// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tests/support/peer/sockets.hpp"

namespace masq::peer {

/// 256 KiB that both ends know: a transfer is this block again and again.
const std::string& block();

/// Compares all that comes with the repeated block, until the end of the stream or until stop(total). Returns the bytes
/// received, nothing when one of them was wrong or the connection broke.
std::optional<std::uint64_t> receive_blocks(LineReader& stream, const std::function<bool(std::uint64_t)>& stop);

}  // namespace masq::peer
