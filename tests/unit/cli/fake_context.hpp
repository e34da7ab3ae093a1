// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "cli/command_line.hpp"

namespace masq {

// A context of values, and the output of a command.
struct FakeContext {
  std::optional<HttpAnswer> agent;
  std::vector<Mapping> mappings;
  std::vector<IpMasqEntry> ip_masq;
  std::vector<Event> events;  // events of one second
  std::uint64_t lost = 0;     // of these events
  bool pinned = true;
  std::map<std::string, std::string> files;
  std::string asked;  // last request to the agent
  std::string out, err;

  CommandContext context() {
    const auto not_pinned = [] { return fail("nothing of masq is pinned in /bpf/masq"); };
    return {.query_agent = [this](std::string_view target) -> Result<HttpAnswer> {
              asked = target;
              if (!agent) return fail("connect to /run/masq.sock: No such file or directory");
              return *agent;
            },
            .read_mappings = [this, not_pinned](const auto& visit) -> Result<void> {
              if (!pinned) return not_pinned();
              for (const auto& mapping : mappings) visit(mapping);
              return {};
            },
            .end_mappings = [this, not_pinned](const auto& wanted) -> Result<Ended> {
              if (!pinned) return not_pinned();
              Ended ended;
              std::erase_if(mappings, [&](const Mapping& mapping) {
                if (!wanted(mapping)) return false;
                ++(mapping.left_alone.empty() ? ended.mappings : ended.left_alone);
                return true;
              });
              return ended;
            },
            .read_ip_masq = [this, not_pinned]() -> Result<std::vector<IpMasqEntry>> {
              if (!pinned) return not_pinned();
              return ip_masq;
            },
            .read_file = [this](const std::filesystem::path& path) -> Result<std::string> {
              if (!files.contains(path)) return fail("open {}: No such file or directory", path.string());
              return files[path];
            },
            .follow_events = [this, not_pinned](const auto& types, const EventListener& listener) -> Result<void> {
              if (!pinned) return not_pinned();
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

}  // namespace masq
