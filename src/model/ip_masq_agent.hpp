// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"

namespace masq {

// The ip-masq-agent's file, parsed. Both lists are sorted and free of duplicates. `non_masquerade` includes the
// link-local ranges that masqLinkLocal and masqLinkLocalIPv6 do not disable.
struct IpMasqAgent {
  std::vector<Cidr> non_masquerade;
  std::vector<Cidr> masquerade;       // extension of masq: carved out of a wider exclusion
  std::vector<std::string> warnings;  // one line each: unknown keys, host bits cleared, link-locals only
  bool operator==(const IpMasqAgent&) const = default;
};

// The rules in force without a file: the eleven reserved ranges and both link-locals.
IpMasqAgent default_ip_masq_agent();

// Sufficient for 65,536 CIDRs of any length. Readers of the file have the same limit as parse_ip_masq_agent().
inline constexpr std::size_t max_ip_masq_agent_text = 8 << 20;

// Parses YAML, or JSON when the first non-blank character is '{'. A text of blanks and comments only gives the
// defaults. Any error rejects the whole text. An error reads "line 3: nonMasqueradeCIDRs: 10.0.0.1: a CIDR is expected,
// …", without the file name. Limits: 8 MiB of text, 65,536 CIDRs, no YAML aliases.
Result<IpMasqAgent> parse_ip_masq_agent(std::string_view text);

}  // namespace masq
