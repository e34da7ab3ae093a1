// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/agent_document.hpp"
#include "cli/command.hpp"
#include "cli/json_members.hpp"

namespace masq::cli {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::array<std::string, 4>;

constexpr std::size_t widest_column = 40;  // a longer text pushes the rest of its line to the right

// A default that is no value is written in parentheses: "(the pod CIDRs)".
std::string value_of(const Json& option) {
  auto value = text_of(option, "value");
  if (!value.empty() || !option.contains("meaning")) return value;
  const auto meaning = text_of(option, "meaning");
  return fmt::format("({})", meaning.empty() ? "none" : meaning);
}

std::string render_rows(const std::vector<Row>& rows) {
  std::array<std::size_t, 3> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (row[i].size() <= widest_column) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& [key, value, source, change] : rows)
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n", key, widths[0], value, widths[1], source, widths[2], change);
  return text;
}

std::string render_remarks(const Json& options) {
  std::string text;
  for (const auto& option : options) {
    const auto key = text_of(option, "key");
    if (const auto& later = member(option, "afterRestart"); later.is_object())
      text += fmt::format("{}: {:?} ({}) needs a restart of masqd\n", key, text_of(later, "value"),
                          text_of(later, "source"));
    if (flag_of(option, "withoutEffect")) text += fmt::format("{}: no effect with this datapath\n", key);
  }
  return text;
}

std::string render_config(const Json& document) {
  const auto& options = member(document, "options");
  std::vector<Row> rows = {{"OPTION", "VALUE", "SOURCE", "CHANGE"}};
  for (const auto& option : options)
    rows.push_back({text_of(option, "key"), value_of(option), text_of(option, "source"), text_of(option, "change")});
  return render_rows(rows) + render_remarks(options);
}

}  // namespace

int show_config(const CommandContext& context, const Arguments& arguments) {
  const auto document = query_document(context, "/v1/options");
  if (!document) return exit_with_error(context, document.error().exit, document.error().error);
  context.out(arguments.json ? document_text(*document) : render_config(*document));
  return exit_done;
}

}  // namespace masq::cli
