// SPDX-License-Identifier: Apache-2.0
// What stands in the table, read from its maps.
#pragma once

#include <string>
#include <vector>

#include "engine.hpp"

namespace masq::bpf::test {

struct Mapping {
  std::uint32_t slot = 0;
  Endpoint pod, remote, external;
  std::uint8_t protocol = 0;
  masq_state state = MASQ_STATE_NEW;
  std::uint32_t seen = 0;
  std::uint8_t flags = 0;  // masq_flag
};

// The mappings alive.
std::vector<Mapping> mappings(const Engine& engine, Family family);

// U3, U4: each mapping stands once in each index (if quarantined, in the reply index alone), no two of them share the
// external and the remote endpoint, and the indexes name nothing else; the shares of ports are counted right. The first
// breach of it, or "".
std::string disorder(const Engine& engine, Family family);

// Runs a frame, and looks at nothing but the verdict: quick, and for many threads.
int run_frame(int program, const Bytes& frame);

}  // namespace masq::bpf::test
