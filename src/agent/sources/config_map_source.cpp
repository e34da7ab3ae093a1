// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/config_map_source.hpp"

#include <fmt/format.h>

#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/sources/fact_source.hpp"
#include "agent/sources/ip_masq_agent_source.hpp"
#include "agent/sources/source.hpp"
#include "base/caught.hpp"
#include "base/json_members.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/reflector.hpp"
#include "model/finding.hpp"
#include "model/ip_masq_agent.hpp"
#include "os/timers.hpp"

namespace masq::agent {
namespace {

constexpr const char* config_key = "config";

kubernetes::Resource resource_of(const std::string& config_map) {
  const auto slash = config_map.find('/');
  return {.path = fmt::format("/api/v1/namespaces/{}/configmaps", config_map.substr(0, slash)),
          .field_selector = "metadata.name=" + config_map.substr(slash + 1)};
}

std::optional<std::string> text_in(const nlohmann::json& config_map) {
  const auto& text = member_of(member_of(config_map, "data"), config_key);
  return text.is_string() ? std::optional(text.get<std::string>()) : std::nullopt;
}

Result<IpMasqAgent> parse_text(const std::optional<std::string>& text, const std::string& config_map) {
  if (!text) {
    auto rules = default_ip_masq_agent();
    rules.warnings = {fmt::format("ConfigMap {}: no key {}: the default CIDRs are in force", config_map, config_key)};
    return rules;
  }
  if (text->size() > max_ip_masq_agent_text)
    return fail("ConfigMap {}: larger than {} bytes", config_map, max_ip_masq_agent_text);
  auto rules = parse_ip_masq_agent(*text);
  if (!rules) return fail("ConfigMap {}: {}: {}", config_map, config_key, rules.error().message);
  return rules;
}

}  // namespace

ConfigMapSource::ConfigMapSource(os::Timers& timers, Parts parts, Changed changed)
    : FactSource(ip_masq_agent_source_name, Need::awaited, timers, std::move(changed), default_ip_masq_agent()),
      config_map_(std::move(parts.config_map)),
      state_dir_(std::move(parts.state)),
      reflector_(std::move(parts.start_request), timers, resource_of(config_map_), *this, std::move(parts.random)) {}

void ConfigMapSource::seed(const std::vector<IpMasqEntry>& applied) {
  initialise(rules_of(applied));
}

void ConfigMapSource::start() {
  const auto kept = state_dir_.load(file_name);
  if (kept && *kept)
    if (auto rules = parse_text(*kept, config_map_)) initialise(*std::move(rules));
  reflector_.start();
}

Result<void> ConfigMapSource::list(const nlohmann::json& object) {
  listed_ = text_in(object);
  return {};
}

// An API server that has lost its data says that there is no ConfigMap. A second list must say so too.
bool ConfigMapSource::end_list() {
  is_doubted_ = text_ && !listed_ && !is_doubted_;
  if (!is_doubted_) text_ = std::exchange(listed_, std::nullopt);
  in_touch();
  return !is_doubted_;
}

Result<void> ConfigMapSource::set(const nlohmann::json& object) {
  text_ = text_in(object);
  return {};
}

Result<void> ConfigMapSource::remove(const nlohmann::json& /*object*/) {
  text_.reset();
  return {};
}

void ConfigMapSource::in_touch() {
  const bool was_away = !state().error.empty() && state().kind == FindingKind::kubernetes;
  if (!is_accepted_ || accepted_ != text_ || was_away) return accept();
  if (state().error.empty()) renew();
}

void ConfigMapSource::accept() {
  accepted_ = text_;
  is_accepted_ = true;
  auto rules = caught([&] { return parse_text(text_, config_map_); });
  if (rules) {
    store(*std::move(rules));
    save();
  } else {
    store_failure(rules.error(), FindingKind::configuration);
  }
  report_change();
}

void ConfigMapSource::lose_touch(const Error& error) {
  if (state().kind == FindingKind::configuration && !state().error.empty()) return;  // it is the worse news
  fail(error, FindingKind::kubernetes);
}

// Without a text the next start has the defaults anyway.
void ConfigMapSource::save() {
  const auto saved = state_dir_.save(file_name, text_.value_or(""));
  record_note(
      saved ? std::nullopt
            : std::optional(Finding{FindingKind::state_not_kept, fmt::format("state-dir: {}", saved.error().message)}));
}

}  // namespace masq::agent
