// SPDX-License-Identifier: Apache-2.0
// The configuration file, the environment and the command line of masqd, cut at zero bytes.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "agent/sources/command_line.hpp"
#include "agent/sources/config_sources.hpp"
#include "model/config.hpp"
#include "model/options/options.hpp"
#include "model/yaml.hpp"
#include "os/fd.hpp"
#include "target.hpp"

namespace masq::fuzz {
namespace {

// An error of the user is one line.
void require_one_line(const std::string& message) {
  require(!message.empty() && message.find('\n') == std::string::npos, "an error is one line");
}

agent::Environment environment_of(std::string_view text) {
  agent::Environment environment;
  for (const auto& line : lines_of(text))
    if (const auto equal = line.find('='); equal != std::string::npos)
      environment["MASQ_" + line.substr(0, equal)] = line.substr(equal + 1);
  return environment;
}

}  // namespace

void fuzz_configuration(Input input) {
  const auto texts = texts_of(input, 3);
  (void)parse_yaml(texts[0]);
  auto arguments = agent::parse_command_line(lines_of(texts[2]));
  if (!arguments) require_one_line(arguments.error().message);
  agent::CommandLine command_line;
  if (arguments) command_line.flags = arguments->flags;
  const os::Fd file(memfd_create("configuration", MFD_CLOEXEC));
  require(write(file.get(), texts[0].data(), texts[0].size()) == static_cast<ssize_t>(texts[0].size()), "a file");
  command_line.config_file = fmt::format("/proc/self/fd/{}", file.get());
  const auto loaded = agent::load_config(command_line, environment_of(texts[1]));
  if (!loaded) return require_one_line(loaded.error().message);
  for (const auto kind : {DatapathKind::bpf, DatapathKind::nftables, DatapathKind::iptables})
    (void)options_without_effect(loaded->config, kind);
}

}  // namespace masq::fuzz
