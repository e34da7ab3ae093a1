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

// A file of this folder has each of them; tests/fuzz/corpus/NAME has its first inputs. The number of inputs takes about
// 10 s.
#define MASQ_FUZZ_TARGETS(X) \
  X(ip_masq_agent, 70000)    \
  X(configuration, 3500)     \
  X(cni, 200000)             \
  X(http, 900000)            \
  X(netlink, 160000)         \
  X(nft, 8000)               \
  X(iptables, 50000)         \
  X(pinned_map, 110000)      \
  X(values, 2200)            \
  X(documents, 60000)        \
  X(kubernetes, 25000)

#define MASQ_FUZZ_DECLARE(name, inputs) void fuzz_##name(Input input);
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
