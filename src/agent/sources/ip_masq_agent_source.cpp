// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/ip_masq_agent_source.hpp"

#include <fmt/format.h>

#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/sources/fact_source.hpp"
#include "agent/sources/source.hpp"
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

}  // namespace

IpMasqAgent rules_of(const std::vector<IpMasqEntry>& applied) {
  IpMasqAgent rules;
  for (const auto& entry : applied) (entry.masquerade ? rules.masquerade : rules.non_masquerade).push_back(entry.cidr);
  return rules;
}

IpMasqAgentSource::IpMasqAgentSource(os::Timers& timers, std::filesystem::path path, Changed changed)
    : FactSource(ip_masq_agent_source_name, Need::optional, timers, std::move(changed), default_ip_masq_agent()),
      path_(std::move(path)),
      confirmation_(timers) {}

Result<std::unique_ptr<IpMasqAgentSource>> IpMasqAgentSource::open(os::EventLoop& loop, std::filesystem::path path,
                                                                   Changed changed) {
  auto source = std::make_unique<IpMasqAgentSource>(loop, std::move(path), std::move(changed));
  TRY(source->watch_, os::FileWatch::open(loop, source->path_, [raw = source.get()] { raw->request_check(); }));
  return source;
}

IpMasqAgentSource::Content IpMasqAgentSource::read_content() const {
  return caught([this] { return os::read_file_if_any(path_, max_ip_masq_agent_text); });
}

void IpMasqAgentSource::seed(const std::vector<IpMasqEntry>& applied) {
  initialise(rules_of(applied));
}

// At the start no earlier rules exist, so the content is accepted at once.
void IpMasqAgentSource::read() {
  if (!accepted_) accept(read_content());
}

void IpMasqAgentSource::request_check() {
  if (!accepted_) return;
  auto content = read_content();
  if (content == *accepted_) {
    pending_.reset();
    confirmation_.stop();
    if (state().error.empty()) renew();
    return;
  }
  if (pending_ && *pending_ == content) return;
  const bool nothing = content && is_blank_document(content->value_or(""));
  pending_ = std::move(content);
  pending_since_ = timers().now();
  confirmation_.start(nothing ? missing_debounce : debounce, [this] { confirm(); });
}

void IpMasqAgentSource::confirm() {
  auto content = read_content();
  if (!pending_ || *pending_ != content) return request_check();
  if (os::is_being_written(path_) && timers().now() - pending_since_ < max_write_time)
    return confirmation_.start(debounce, [this] { confirm(); });
  pending_.reset();
  accept(std::move(content));
  report_change();
}

void IpMasqAgentSource::accept(Content content) {
  accepted_ = std::move(content);
  auto rules =
      caught([&] { return *accepted_ ? parse_content(**accepted_, path_) : std::unexpected(accepted_->error()); });
  if (rules)
    store(*std::move(rules));
  else
    store_failure(rules.error(), FindingKind::configuration);
}

}  // namespace masq::agent
