// SPDX-License-Identifier: Apache-2.0
#include "datapath/mapping_table.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "bpf/abi/mapping.h"
#include "model/desired.hpp"

namespace masq {

std::span<const char* const> mapping_states() {
  static constexpr const char* words[] = {
#define STATE_WORD(name, word) word,
      MASQ_STATES(STATE_WORD)
#undef STATE_WORD
  };
  return words;
}

std::vector<IpMasqEntry> ip_masq_of(const Desired& desired) {
  std::vector<IpMasqEntry> entries;
  if (!desired.ip_masq_agent) return entries;
  for (const auto& cidr : desired.ip_masq_agent_rules.non_masquerade) entries.push_back({.cidr = cidr});
  for (const auto& cidr : desired.ip_masq_agent_rules.masquerade) entries.push_back({.cidr = cidr, .masquerade = true});
  std::ranges::sort(entries);
  return entries;
}

}  // namespace masq
