// SPDX-License-Identifier: Apache-2.0
// The file of the ip-masq-agent.
#include "model/ip_masq_agent.hpp"

#include "target.hpp"

namespace masq::fuzz {

void fuzz_ip_masq_agent(Input input) {
  const auto parsed = parse_ip_masq_agent(text_of(input));
  if (!parsed) require(!parsed.error().message.empty(), "an error has a text");
}

}  // namespace masq::fuzz
