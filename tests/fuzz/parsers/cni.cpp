// SPDX-License-Identifier: Apache-2.0
// A CNI configuration, as other programs write it.
#include <algorithm>

#include "agent/sources/cni_configuration.hpp"
#include "target.hpp"

namespace masq::fuzz {

void fuzz_cni(Input input) {
  const auto subnets = agent::parse_cni_configuration(text_of(input));
  if (subnets) require(std::ranges::is_sorted(*subnets), "the subnets are sorted");
}

}  // namespace masq::fuzz
