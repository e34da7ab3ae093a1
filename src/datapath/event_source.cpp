// SPDX-License-Identifier: Apache-2.0
#include "datapath/event_source.hpp"

#include <algorithm>
#include <string>

#include "bpf/abi/event.h"

namespace masq {

const EventTypes& event_types() {
  static const EventTypes types = {
#define TYPE_WORD(name, word) word,
      MASQ_EVENT_TYPES(TYPE_WORD)
#undef TYPE_WORD
  };
  return types;
}

std::string event_type_of(std::string word) {
  return word == "made" ? "created" : word;
}

bool has_type(const EventTypes& types, const std::string& type) {
  return types.empty() || std::ranges::find(types, type) != types.end();
}

}  // namespace masq
