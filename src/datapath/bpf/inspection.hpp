// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace masq::bpf {

// A program that any process has loaded.
struct LoadedProgram {
  std::string name;
  std::vector<bpf_insn> instructions;  // empty: the kernel does not show them
};

// Both need CAP_SYS_ADMIN, or CAP_BPF, CAP_PERFMON and a kernel with BTF. Fails if there is none with this id.
Result<LoadedProgram> read_program(std::uint32_t id);
Result<std::vector<std::byte>> read_btf(std::uint32_t id);

}  // namespace masq::bpf
