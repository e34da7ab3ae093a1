// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "unit/fake_table.hpp"

namespace masq::cli {

// A context of values, and the output of a command.
struct FakeContext {
  std::optional<os::HttpAnswer> agent;
  FakeTable table;
  std::vector<Event> events;  // events of one second
  std::uint64_t lost = 0;     // of these events
  std::map<std::string, std::string> files;
  std::string asked;  // last request to the agent
  std::string out, err;

  CommandContext context() {
    return {.table = table,
            .query_agent = [this](std::string_view target) -> Result<os::HttpAnswer> {
              asked = target;
              if (!agent) return fail("connect to /run/masq.sock: No such file or directory");
              return *agent;
            },
            .read_file = [this](const std::filesystem::path& path) -> Result<std::string> {
              if (!files.contains(path)) return fail("open {}: No such file or directory", path.string());
              return files[path];
            },
            .follow_events = [this](const auto& types, const EventListener& listener) -> Result<void> {
              if (!table.is_pinned) return table.for_each({});
              for (const auto& event : events)
                if (types.empty() || std::ranges::find(types, event.type) != types.end()) listener.event(event);
              listener.second_passed(lost);
              return {};
            },
            .out = [this](std::string_view text) { out += text; },
            .err = [this](std::string_view text) { err += text; }};
  }

  // Runs `masq WORDS...` and returns the exit code.
  int run(const std::vector<std::string>& words) {
    out.clear();
    err.clear();
    auto request = parse_request(words);
    if (!request) {
      err = request.error().message;
      return exit_wrong_use;
    }
    if (request->command) return request->command->run(context(), request->arguments);
    out = request->text;
    return exit_done;
  }
};

}  // namespace masq::cli
