// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/ip_masq_agent_source.hpp"

#include <fmt/format.h>

#include <chrono>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/sources/fact_source.hpp"
#include "agent/sources/source.hpp"
#include "agent/sources/stable_content.hpp"
#include "base/caught.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "model/finding.hpp"
#include "model/ip_masq_agent.hpp"
#include "model/yaml.hpp"
#include "os/event_loop.hpp"
#include "os/file.hpp"
#include "os/file_watch.hpp"
#include "os/timers.hpp"

namespace masq::agent {
namespace {

Result<IpMasqAgent> parse_content(const std::optional<std::string>& text, const std::filesystem::path& path) {
  if (!text) {
    auto rules = default_ip_masq_agent();
    rules.warnings = {fmt::format("{}: no such file: the default CIDRs are in force", path.string())};
    return rules;
  }
  auto rules = parse_ip_masq_agent(*text);
  if (!rules) return fail_with(path.string(), rules.error());
  return rules;
}

std::chrono::milliseconds time_to_settle(const Result<std::optional<std::string>>& text) {
  const bool has_nothing = text && is_blank_document(text->value_or(""));
  return has_nothing ? IpMasqAgentSource::missing_debounce : StableContent<std::optional<std::string>>::debounce;
}

}  // namespace

IpMasqAgent rules_of(const std::vector<IpMasqEntry>& applied) {
  IpMasqAgent rules;
  for (const auto& entry : applied) (entry.masquerade ? rules.masquerade : rules.non_masquerade).push_back(entry.cidr);
  return rules;
}

IpMasqAgentSource::IpMasqAgentSource(os::Timers& timers, std::filesystem::path path, Changed changed)
    : FactSource(ip_masq_agent_source_name, Need::optional, timers, std::move(changed), default_ip_masq_agent()),
      path_(std::move(path)),
      text_(timers, {.read = [this] { return os::read_file_if_any(path_, max_ip_masq_agent_text); },
                     .is_being_written = [this](const Text::Content&) { return os::is_being_written(path_); },
                     .stable_for = time_to_settle,
                     .changed =
                         [this] {
                           take_text();
                           report_change();
                         }}) {}

Result<std::unique_ptr<IpMasqAgentSource>> IpMasqAgentSource::open(os::EventLoop& loop, std::filesystem::path path,
                                                                   Changed changed) {
  auto source = std::make_unique<IpMasqAgentSource>(loop, std::move(path), std::move(changed));
  TRY(source->watch_, os::FileWatch::open(loop, source->path_, [raw = source.get()] { raw->request_check(); }));
  return source;
}

void IpMasqAgentSource::seed(const std::vector<IpMasqEntry>& applied) {
  initialise(rules_of(applied));
}

// At the start no earlier rules exist, so the content is accepted at once.
void IpMasqAgentSource::read() {
  if (text_.has_content()) return;
  text_.accept();
  take_text();
}

void IpMasqAgentSource::request_check() {
  if (text_.has_content() && text_.check() && state().error.empty()) renew();
}

void IpMasqAgentSource::take_text() {
  const auto& text = text_.content();
  auto rules = caught([&] { return text ? parse_content(*text, path_) : std::unexpected(text.error()); });
  if (rules)
    store(*std::move(rules));
  else
    store_failure(rules.error(), FindingKind::configuration);
}

}  // namespace masq::agent
