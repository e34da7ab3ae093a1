// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "cli/agent_document.hpp"
#include "cli/command.hpp"
#include "cli/doctor/check.hpp"
#include "cli/json_members.hpp"
#include "cli/limits.hpp"
#include "cli/usage.hpp"

namespace masq::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto between_readings = std::chrono::seconds(1);  // packets are dropped in the meantime

Json document_or_null(const CommandContext& context, const std::string& target) {
  auto document = query_document(context, target);
  return document ? *std::move(document) : Json();
}

Examination examine(const CommandContext& context) {
  auto status = query_document(context, "/v1/status");
  Examination examination{
      .context = context,
      .status = status,
      .later = {},
      .options = {},
      .usage = measure_usage(context, status ? limits_of(*status).port_ranges : Limits().port_ranges)};
  if (!status) return examination;
  examination.options = document_or_null(context, "/v1/options");
  context.node.wait(between_readings);
  examination.later = document_or_null(context, "/v1/status");
  return examination;
}

std::string_view to_word(Level level) {
  switch (level) {
    case Level::unknown:
      return "unknown";
    case Level::note:
      return "note";
    case Level::fault:
      return "fault";
  }
  return "";
}

std::string_view result_of(const Remarks& remarks) {
  if (remarks.empty()) return "ok";
  return to_word(std::ranges::max_element(remarks, {}, &Remark::level)->level);
}

Json to_json(const Check& check, const Remarks& remarks) {
  auto rows = Json::array();
  for (const auto& [level, text, remedy] : remarks)
    rows.push_back({{"level", to_word(level)}, {"text", text}, {"remedy", remedy}});
  return {{"name", check.name}, {"result", result_of(remarks)}, {"remarks", std::move(rows)}};
}

std::string render_report(const Json& report) {
  std::string text;
  for (const auto& check : report["checks"]) {
    if (check["remarks"].empty()) text += fmt::format("ok       {}\n", text_of(check, "name"));
    for (const auto& remark : check["remarks"]) {
      text += fmt::format("{:<8} {}: {}\n", text_of(remark, "level"), text_of(check, "name"), text_of(remark, "text"));
      if (const auto remedy = text_of(remark, "remedy"); !remedy.empty())
        text += fmt::format("         mend: {}\n", remedy);
    }
  }
  return text + fmt::format("{} checks, {} with a fault\n", report["checks"].size(), number_of(report, "faults"));
}

Json diagnosis(const CommandContext& context) {
  const auto examination = examine(context);
  Json report = {{"faults", 0}, {"checks", Json::array()}};
  std::size_t faults = 0;
  for (const auto& check : checks()) {
    const auto remarks = run_check(check, examination);
    faults += result_of(remarks) == to_word(Level::fault);
    report["checks"].push_back(to_json(check, remarks));
  }
  report["faults"] = faults;
  return report;
}

}  // namespace

std::string doctor_report(const CommandContext& context) {
  return render_report(diagnosis(context));
}

int diagnose(const CommandContext& context, const Arguments& arguments) {
  const auto report = diagnosis(context);
  context.out(arguments.json ? document_text(report) : render_report(report));
  return number_of(report, "faults") == 0 ? exit_done : exit_failed;
}

}  // namespace masq::cli
