// SPDX-License-Identifier: Apache-2.0
// masq queries the agent over its socket and the kernel through the pinned maps; docs/reference.md lists the exit
// codes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/printable.hpp"
#include "base/result.hpp"
#include "cli/command.hpp"
#include "cli/command_line.hpp"
#include "cli/follow_events.hpp"
#include "datapath/backends.hpp"
#include "datapath/event_source.hpp"
#include "datapath/mapping_table.hpp"
#include "model/ip_masq_agent.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/http_client.hpp"
#include "os/live_screen.hpp"
#include "os/process.hpp"

namespace masq::cli {
namespace {

// Names and values of others may contain characters that control a terminal.
void write_err(std::string_view text) {
  const auto safe = printable(text, Layout::keep);
  std::fwrite(safe.data(), 1, safe.size(), stderr);
}

// A closed reader (`| head`) is no failure. Any other write error is.
[[noreturn]] void exit_with_write_error() {
  if (errno == EPIPE) std::_Exit(exit_done);
  write_err(fmt::format("masq: write: {}\n", std::strerror(errno)));
  std::_Exit(exit_failed);
}

void write_out(std::string_view text) {
  const auto safe = printable(text, Layout::keep);
  if (std::fwrite(safe.data(), 1, safe.size(), stdout) != safe.size()) exit_with_write_error();
}

// Writes lines immediately, without buffering.
Result<void> follow(const Request& request, const EventTypes& types, const EventListener& listener) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  return follow_events(request.socket_path, request.bpf_root, types, listener);
}

Result<std::string> output_of(const std::vector<std::string>& program) {
  TRY(auto end, os::run_program(program));
  if (end.status != 0) return fail("{}: {}", fmt::join(program, " "), os::first_line(end.err));
  return std::move(end.out);
}

CommandContext make_context(const Request& request, MappingTable& table) {
  return {.table = table,
          .query_agent = [&](std::string_view target) { return os::http_get(request.socket_path, target); },
          .read_file = [](const std::filesystem::path& path) { return os::read_file(path, max_ip_masq_agent_text); },
          .follow_events = [&](const auto& types, const auto& listener) { return follow(request, types, listener); },
          .show_live = os::has_screen() ? os::run_live_screen : nullptr,
          .out = write_out,
          .err = write_err,
          .node = {.run_program = output_of,
                   .is_clock_synchronised = os::is_clock_synchronised,
                   .wait = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); },
                   .now = std::chrono::system_clock::now,
                   .create_file = os::create_file}};
}

int run_masq(const std::vector<std::string>& arguments) {
  const auto request = parse_request(arguments);
  if (!request) {
    write_err(fmt::format("masq: {}\n", printable(request.error().message)));
    return exit_wrong_use;
  }
  int exit = exit_done;
  if (request->command) {
    const auto table = open_mapping_tables(request->bpf_root);
    exit = request->command->run(make_context(*request, *table), request->arguments);
  } else {
    write_out(request->text);
  }
  if (std::fflush(stdout) != 0) exit_with_write_error();
  return exit;
}

}  // namespace
}  // namespace masq::cli

int main(int argc, char** argv) {
  try {
    return masq::cli::run_masq(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {  // out of memory, for example
    masq::cli::write_err(fmt::format("masq: internal error: {}\n", error.what()));
    return masq::cli::exit_failed;
  }
}
