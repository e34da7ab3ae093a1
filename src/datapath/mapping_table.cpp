// SPDX-License-Identifier: Apache-2.0
#include "datapath/mapping_table.hpp"

#include <span>

#include "bpf/abi/mapping.h"

namespace masq {

std::span<const char* const> mapping_states() {
  static constexpr const char* words[] = {
#define STATE_WORD(name, word) word,
      MASQ_STATES(STATE_WORD)
#undef STATE_WORD
  };
  return words;
}

}  // namespace masq
