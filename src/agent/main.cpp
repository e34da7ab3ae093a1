// SPDX-License-Identifier: Apache-2.0
// masqd reads its options and performs one of its tasks; docs/reference.md lists the exit codes.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <expected>
#include <string>
#include <vector>

#include "agent/agent.hpp"
#include "agent/cleanup.hpp"
#include "agent/dry_run.hpp"
#include "agent/logging.hpp"
#include "agent/sources/command_line.hpp"
#include "agent/sources/config_sources.hpp"
#include "base/printable.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "os/mount.hpp"

namespace masq::agent {
namespace {

enum Exit : int { exit_done = 0, exit_failed = 1, exit_wrong_use = 2 };

int exit_with_error(Exit exit, const Error& error) {
  std::fputs(fmt::format("masqd: {}\n", printable(error.message)).c_str(), stderr);
  return exit;
}

int print(const Result<std::string>& text) {
  if (!text) return exit_with_error(exit_failed, text.error());
  if (std::fputs(printable(*text, Layout::keep).c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    return exit_with_error(exit_failed, {fmt::format("write: {}", std::strerror(errno))});
  return exit_done;
}

int show_dry_run(const Config& config) {
  const auto desired = desired_now(config);
  if (!desired) return exit_with_error(exit_failed, desired.error());
  if (const int failed = print(render_desired(*desired))) return failed;
  const auto steps = steps_to(config, *desired);
  if (!steps) return exit_with_error(exit_failed, steps.error());
  return print(render_steps(*steps));
}

// A DaemonSet starts a container again that ends. The signals are blocked first: one that arrives meanwhile is not
// lost.
int clean_up_and_wait(const Config& config) {
  sigset_t ends{};
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&ends, signal);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  if (const int failed = print(clean_up(config))) return failed;
  sigwaitinfo(&ends, nullptr);
  return exit_done;
}

Result<std::string> mount_bpffs(const Config& config) {
  TRY(const auto mounted, os::is_bpffs(config.bpf_root));
  if (mounted) return fmt::format("{} is a bpffs already\n", config.bpf_root);
  TRY_DO(os::make_bpffs(config.bpf_root));
  return fmt::format("mounted a bpffs at {}\n", config.bpf_root);
}

int run_agent(const CommandLine& command_line, const Environment& environment, const LoadedConfig& loaded) {
  std::signal(SIGPIPE, SIG_IGN);  // the reader of the log may exit
  const auto log = make_logger(loaded.config.log_level, loaded.config.log_format);
  if (loaded.directory)
    for (const auto& file : loaded.directory->ignored) log->debug("{}: unknown option, ignored", file);
  const auto read_options = [&] { return load_config(command_line, environment); };
  auto agent = Agent::open(loaded, read_options, *log);
  if (!agent) return exit_with_error(exit_failed, agent.error());
  if (loaded.directory) {
    if (auto watched = (*agent)->watch_options(command_line.config_dir, *loaded.directory); !watched)
      return exit_with_error(exit_failed, watched.error());
  }
  const char* notify_socket = std::getenv("NOTIFY_SOCKET");
  if (auto ended = (*agent)->run(notify_socket ? notify_socket : ""); !ended)
    return exit_with_error(exit_failed, ended.error());
  return exit_done;
}

int run_masqd(const std::vector<std::string>& arguments) {
  const auto command_line = parse_command_line(arguments);
  if (!command_line) return exit_with_error(exit_wrong_use, command_line.error());
  if (command_line->help) return print(command_line_help());
  if (command_line->version) return print(fmt::format("masqd {}\n", MASQ_VERSION));
  const auto environment = read_environment(environ);
  const auto loaded = load_config(*command_line, environment);
  if (!loaded) return exit_with_error(exit_wrong_use, loaded.error());
  if (command_line->dry_run) return show_dry_run(loaded->config);
  if (command_line->mount_bpffs) return print(mount_bpffs(loaded->config));
  if (command_line->cleanup) return print(clean_up(loaded->config));
  if (command_line->cleanup_and_wait) return clean_up_and_wait(loaded->config);
  return run_agent(*command_line, environment, *loaded);
}

}  // namespace
}  // namespace masq::agent

int main(int argc, char** argv) {
  try {
    return masq::agent::run_masqd(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {  // at the start only: a running agent continues
    return masq::agent::exit_with_error(masq::agent::exit_failed, {fmt::format("internal error: {}", error.what())});
  }
}
