// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/nft.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/process.hpp"

namespace masq::netfilter {
namespace {

Result<std::string> run_nft(const std::vector<std::string>& arguments, const std::string& input = {}) {
  TRY_DO(Nft::find());
  TRY(auto end, os::run_program(arguments, input));
  return nft_output(std::move(end));
}

}  // namespace

Result<std::string> nft_output(os::ProgramEnd end) {
  if (end.status == 0) return std::move(end.out);
  const auto line = os::first_line(end.err);
  std::string_view text = line;
  constexpr std::string_view prefix = "Error: ";
  // "FILE:LINE:COLUMNS: Error: why" for an error in the commands.
  if (const auto found = text.find(prefix); found != std::string_view::npos) text.remove_prefix(found + prefix.size());
  if (text.empty()) return fail("nft: exit {}", end.status);
  return fail("nftables: {}", text);
}

bool is_nested_too_deeply(std::string_view json) {
  constexpr int max_depth = 100;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\') ++i;
    if (c == '"') in_string = !in_string;
    if (in_string) continue;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > max_depth) return true;
  }
  return false;
}

Result<void> Nft::find() {
  if (!os::has_program("nft")) return fail("nft: not found in PATH");
  return {};
}

Result<void> Nft::run(const std::string& commands) {
  TRY_DO(run_nft({"nft", "-f", "-"}, commands));
  return {};
}

Result<void> Nft::check(const std::string& commands) {
  TRY_DO(run_nft({"nft", "-c", "-f", "-"}, commands));
  return {};
}

// Each query has a process of its own, because version 1.0.6 otherwise uses the cache of one query for the next one.
Result<std::string> Nft::list(const std::string& command, Form form) {
  // Numeric output does not depend on files of names (protocols, marks).
  switch (form) {
    case Form::terse:
      return run_nft({"nft", "-n", "-j", "-t", command});
    case Form::rules:
      return run_nft({"nft", "-a", "-s", command});
    default:
      return run_nft({"nft", "-n", "-j", command});
  }
}

}  // namespace masq::netfilter
