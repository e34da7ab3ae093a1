// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "base/result.hpp"
#include "cli/command.hpp"

namespace masq {

// What `masq` was asked for.
struct Request {
  const Command* command = nullptr;  // none: `text` is to be printed
  std::string text;                  // help or version
  Arguments arguments;
  std::string socket_path;
  std::string bpf_root;
};

// `arguments` without the program's name; MASQ_SOCKET_PATH and MASQ_BPF_ROOT stand in for their flags. An error is
// wrong use, one line.
Result<Request> parse_request(std::span<const std::string> arguments);

}  // namespace masq
