// SPDX-License-Identifier: Apache-2.0
// The targets of libFuzzer: each gives the input to some parsers. A fault is what the sanitizers report, an exception,
// or a failed require().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace masq::fuzz {

using Input = std::span<const std::uint8_t>;

// A file of this folder has each of them; tests/fuzz/corpus/NAME has its first inputs.
#define MASQ_FUZZ_TARGETS(X) \
  X(ip_masq_agent)           \
  X(configuration)           \
  X(cni)                     \
  X(http)                    \
  X(netlink)                 \
  X(nft)                     \
  X(iptables)                \
  X(pinned_map)              \
  X(values)                  \
  X(documents)

#define MASQ_FUZZ_DECLARE(name) void fuzz_##name(Input input);
MASQ_FUZZ_TARGETS(MASQ_FUZZ_DECLARE)
#undef MASQ_FUZZ_DECLARE

// Ends the run unless the condition holds.
void require(bool condition, const char* what);

// The input as text; a copy, so that a read behind its end is found.
std::string text_of(Input input);
// The input, cut at each zero byte: exactly this many texts.
std::vector<std::string> texts_of(Input input, std::size_t count);
std::vector<std::string> lines_of(std::string_view text);

}  // namespace masq::fuzz
