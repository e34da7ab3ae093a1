// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "base/result.hpp"
#include "cli/command.hpp"
#include "model/completion/completion.hpp"

namespace masq::cli {

// The parsed command line of `masq`.
struct Request {
  const Command* command = nullptr;  // null: print `text`
  std::string text;                  // help or version
  Arguments arguments;
  std::string socket_path;
  std::string bpf_root;
};

// `arguments` has no program name. MASQ_SOCKET_PATH and MASQ_BPF_ROOT replace missing flags. An error is a usage error
// in one line.
Result<Request> parse_request(std::span<const std::string> arguments);

// The commands and options of masq, for the completion of its command line.
completion::Command command_line_completion();

}  // namespace masq::cli
