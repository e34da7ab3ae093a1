// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/ip_masq_agent_source.hpp"

#include <fmt/format.h>

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "agent/sources/source.hpp"
#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/ip_masq_agent.hpp"
#include "model/yaml.hpp"
#include "os/event_loop.hpp"
#include "os/file.hpp"
#include "os/file_watch.hpp"
#include "os/timers.hpp"

namespace masq {

IpMasqAgentSource::IpMasqAgentSource(Timers& timers, std::filesystem::path path, std::function<void()> changed)
    : Source("ip-masq-agent"),
      timers_(timers),
      path_(std::move(path)),
      changed_(std::move(changed)),
      confirmation_(timers) {}

Result<std::unique_ptr<IpMasqAgentSource>> IpMasqAgentSource::open(EventLoop& loop, std::filesystem::path path,
                                                                   std::function<void()> changed) {
  auto source = std::make_unique<IpMasqAgentSource>(loop, std::move(path), std::move(changed));
  auto watch = FileWatch::open(loop, source->path_, [raw = source.get()] { raw->request_check(); });
  if (!watch) return std::unexpected(watch.error());
  source->watch_ = std::move(*watch);
  return source;
}

IpMasqAgentSource::Content IpMasqAgentSource::read_content() const {
  auto text = read_file_if_any(path_, max_ip_masq_agent_text);
  if (!text) return {.text = {}, .error = text.error().message};
  return {.text = std::move(*text), .error = {}};
}

void IpMasqAgentSource::seed(const std::vector<IpMasqEntry>& applied) {
  rules_ = {};
  for (const auto& entry : applied)
    (entry.masquerade ? rules_.masquerade : rules_.non_masquerade).push_back(entry.cidr);
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
    if (state().error.empty()) delivered(timers_.now());
    return;
  }
  if (pending_ == content) return;
  const bool nothing = content.error.empty() && is_blank_document(content.text.value_or(""));
  pending_ = std::move(content);
  pending_since_ = timers_.now();
  confirmation_.start(nothing ? missing_debounce : debounce, [this] { confirm(); });
}

void IpMasqAgentSource::confirm() {
  auto content = read_content();
  if (pending_ != content) return request_check();
  if (is_being_written(path_) && timers_.now() - pending_since_ < max_write_time)
    return confirmation_.start(debounce, [this] { confirm(); });
  pending_.reset();
  accept(std::move(content));
  changed_();
}

void IpMasqAgentSource::accept(Content content) {
  const auto fail_on = [this](std::string message) { failed_or_absent(timers_.now(), {std::move(message)}); };
  accepted_ = std::move(content);
  if (!accepted_->error.empty()) return fail_on(accepted_->error);
  if (!accepted_->text) {
    rules_ = default_ip_masq_agent();
    rules_.warnings = {fmt::format("{}: no such file: the default CIDRs are in force", path_.string())};
    return delivered(timers_.now());
  }
  auto rules = parse_ip_masq_agent(*accepted_->text);
  if (!rules) return fail_on(fmt::format("{}: {}", path_.string(), rules.error().message));
  rules_ = std::move(*rules);
  delivered(timers_.now());
}

}  // namespace masq
