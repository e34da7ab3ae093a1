// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "datapath/event.hpp"
#include "os/http_client.hpp"
#include "os/live_screen.hpp"

namespace masq {

enum Exit : int { exit_done = 0, exit_failed = 1, exit_wrong_use = 2, exit_no_agent = 3 };

// Who is told what happens.
struct EventListener {
  std::function<void(const Event&)> event;
  std::function<void(std::uint64_t lost)> second_passed;  // so many events came too fast to be kept
};

// What a command reads from and acts on: the agent, the pinned maps and files. Tests put their own in its place.
struct World {
  std::function<Result<HttpAnswer>(std::string_view target)> ask_agent;
  std::function<Result<void>(const std::function<void(const Mapping&)>& visit)> read_mappings;
  std::function<Result<Ended>(const std::function<bool(const Mapping&)>& wanted)> end_mappings;
  std::function<Result<std::vector<IpMasqEntry>>()> read_ip_masq;
  std::function<Result<std::string>(const std::filesystem::path&)> read_file;
  std::function<Result<void>(const std::vector<std::string>& types, const EventListener& listener)> follow_events;
  std::function<Result<void>(const Draw& draw, std::chrono::milliseconds interval)> show_live;  // none: no terminal
  std::function<void(std::string_view)> out;                                                    // standard output
  std::function<void(std::string_view)> err;                                                    // standard error
};

// What the user gave a command. An option that was not given has no value; one that was may have an empty one.
struct Arguments {
  using Option = std::optional<std::string>;

  bool json = false;
  bool brief = false;
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
  // What may stand behind its words: a sum of these.
  enum Takes : std::uint32_t {
    nothing = 0,
    brief_flag = 1,
    optional_file = 2,
    pod = 4,
    proto = 8,
    state = 16,
    stale_flag = 32,
    endpoints = 64,  // SRC and DST, which must be there, and --dport
    once_and_rows = 128,
    dst = 256,
    type = 512,
  };

  std::string_view words;  // "bpf nat list"
  std::string_view alias;  // another last word; empty: none
  std::string_view help;   // one line
  std::uint32_t takes = nothing;
  int (*run)(const World&, const Arguments&);  // returns an Exit
};

// In the order of `masq --help`.
std::span<const Command> commands();
// "bpf" and the like: what stands above several commands, and its help.
std::string_view group_help(std::string_view words);

int show_status(const World& world, const Arguments& arguments);
int list_ip_masq(const World& world, const Arguments& arguments);
int list_mappings(const World& world, const Arguments& arguments);
int flush_mappings(const World& world, const Arguments& arguments);
int explain_connection(const World& world, const Arguments& arguments);
int show_top(const World& world, const Arguments& arguments);
int monitor_events(const World& world, const Arguments& arguments);
int check_config(const World& world, const Arguments& arguments);

// Says "masq: …" on standard error.
int end_with(const World& world, Exit exit, const Error& error);

}  // namespace masq
