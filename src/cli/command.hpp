// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "datapath/event.hpp"
#include "datapath/event_source.hpp"
#include "datapath/mapping_table.hpp"
#include "os/http_client.hpp"
#include "os/live_screen.hpp"

namespace masq::cli {

enum Exit : int { exit_done = 0, exit_failed = 1, exit_wrong_use = 2, exit_no_agent = 3 };

// Receives events.
struct EventListener {
  std::function<void(const Event&)> event;
  std::function<void(std::uint64_t lost)> second_passed;  // the number of events that the kernel did not record
};

// What `masq doctor` and `masq sysdump` ask of the node.
struct NodeView {
  std::function<Result<std::string>(const std::vector<std::string>&)>
      run_program;  // its output; fails unless it exits with 0
  std::function<bool()> is_clock_synchronised;
  std::function<void(std::chrono::milliseconds)> wait;
  std::function<std::chrono::system_clock::time_point()> now;
  std::function<Result<void>(const std::filesystem::path&, std::string_view)> create_file;
};

// The environment of a command: the agent, the mappings in the kernel, files and outputs. Tests replace it.
struct CommandContext {
  MappingTable& table;  // of every datapath in the kernel
  std::function<Result<os::HttpAnswer>(std::string_view target)> query_agent;
  std::function<Result<std::string>(const std::filesystem::path&)> read_file;
  std::function<Result<void>(const EventTypes& types, const EventListener& listener)> follow_events;
  // Empty if there is no terminal.
  std::function<Result<void>(const os::Draw& draw, std::chrono::milliseconds interval)> show_live;
  std::function<void(std::string_view)> out;  // standard output
  std::function<void(std::string_view)> err;  // standard error
  NodeView node{};
};

// The arguments of a command. An absent option has no value; a given option may have an empty one.
struct Arguments {
  using Option = std::optional<std::string>;

  bool json = false;
  bool brief = false;
  bool alive = false;
  bool ready = false;
  bool stale = false;
  bool once = false;
  std::string file;
  Option pod;
  Option dst;
  Option proto;
  Option state;
  Option dport;
  Option rows;
  Option type;
  std::string source;
  std::string destination;
};

struct Command {
  // The accepted arguments of a command, as a sum.
  enum Takes : std::uint32_t {
    nothing = 0,
    status_flags = 1,  // --brief, --alive, --ready
    optional_file = 2,
    pod = 4,
    proto = 8,
    state = 16,
    stale_flag = 32,
    endpoints = 64,  // SRC and DST, which are required, and --dport
    once_and_rows = 128,
    dst = 256,
    type = 512,
    output_file = 1024,
  };

  std::string_view words;  // "bpf nat list"
  std::string_view alias;  // alternative last word; empty: none
  std::string_view help;   // one line
  std::uint32_t takes = nothing;
  int (*run)(const CommandContext&, const Arguments&);  // returns an Exit
};

// In the order of `masq --help`.
std::span<const Command> commands();
// "bpf" and similar: the help of the first words of several commands.
std::string_view group_help(std::string_view words);

int show_status(const CommandContext& context, const Arguments& arguments);
int list_ip_masq(const CommandContext& context, const Arguments& arguments);
int list_mappings(const CommandContext& context, const Arguments& arguments);
int flush_mappings(const CommandContext& context, const Arguments& arguments);
int explain_connection(const CommandContext& context, const Arguments& arguments);
int show_top(const CommandContext& context, const Arguments& arguments);
int diagnose(const CommandContext& context, const Arguments& arguments);
int dump_system(const CommandContext& context, const Arguments& arguments);
int monitor_events(const CommandContext& context, const Arguments& arguments);
int show_config(const CommandContext& context, const Arguments& arguments);
int check_config(const CommandContext& context, const Arguments& arguments);

// Prints "masq: …" on standard error, and returns `exit`.
int exit_with_error(const CommandContext& context, Exit exit, const Error& error);

}  // namespace masq::cli
