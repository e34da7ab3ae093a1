// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/kubernetes_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "agent/sources/cluster_nodes.hpp"
#include "agent/sources/fact_source.hpp"
#include "agent/sources/source.hpp"
#include "base/result.hpp"
#include "model/finding.hpp"
#include "model/node.hpp"
#include "os/timers.hpp"

namespace masq::agent {

KubernetesSource::KubernetesSource(os::Timers& timers, Parts parts, Changed changed)
    : FactSource(kubernetes_source_name, Need::awaited, timers, std::move(changed)),
      node_name_(std::move(parts.node_name)),
      state_dir_(std::move(parts.state)),
      reflector_(std::move(parts.start_request), timers,
                 {.path = "/api/v1/nodes",
                  .field_selector = {},
                  .unread = {"managedFields", "annotations", "labels", "conditions", "images"}},
                 *this, std::move(parts.random)),
      save_timer_(timers) {}

void KubernetesSource::start() {
  take_saved();
  reflector_.start();
}

void KubernetesSource::take_saved() {
  const auto text = state_dir_.load(file_name);
  if (!text || !*text) return;
  auto saved = parse_saved_nodes(**text);
  if (!saved) return;
  const auto age = std::max(std::chrono::system_clock::now() - saved->read_at, std::chrono::system_clock::duration());
  nodes_ = saved->nodes;
  initialise(std::move(saved->nodes));
  record_value(timers().now() - age);
}

void KubernetesSource::contribute(Node& node) const {
  if (!has_delivered()) return;
  node.k8s_nodes = value().size();
  for (const auto& [name, found] : value()) {
    const bool is_this = name == node_name_;
    std::ranges::copy(found.pod_cidrs, std::back_inserter(is_this ? node.k8s_pod_cidrs : node.k8s_other_pod_cidrs));
    if (!is_this) std::ranges::copy(found.addresses, std::back_inserter(node.k8s_node_addresses));
  }
  const bool is_answered = !value().empty() || state().error.empty();
  if (is_answered && !value().contains(node_name_)) node.k8s_missing_node = node_name_;
}

Result<void> KubernetesSource::list(const nlohmann::json& object) {
  TRY(const auto name, name_of(object));
  listed_[name] = parse_node(object);
  return {};
}

// New nodes and changed ones count at once.
bool KubernetesSource::end_list() {
  const bool is_believed = doubt_.is_believed(nodes_, listed_, timers().now());
  if (is_believed && nodes_ != listed_) {
    differs_ = true;
    nodes_ = listed_;
  }
  for (auto& [name, node] : std::exchange(listed_, {})) put(name, std::move(node));
  in_touch();
  return is_believed;
}

Result<void> KubernetesSource::set(const nlohmann::json& object) {
  TRY(const auto name, name_of(object));
  put(name, parse_node(object));
  return {};
}

// Most events are about other parts of a node.
void KubernetesSource::put(const std::string& name, ClusterNode node) {
  const auto known = nodes_.find(name);
  if (known != nodes_.end() && known->second == node) return;
  nodes_[name] = std::move(node);
  differs_ = true;
}

Result<void> KubernetesSource::remove(const nlohmann::json& object) {
  TRY(const auto name, name_of(object));
  if (nodes_.erase(name) != 0) differs_ = true;
  return {};
}

void KubernetesSource::in_touch() {
  const bool is_news = std::exchange(differs_, false) || !has_delivered() || !state().error.empty();
  if (is_news)
    push(nodes_);
  else
    renew();
  const bool is_due = is_news || timers().now() - saved_at_ >= save_interval;
  if (is_due && !save_timer_.is_running()) save_timer_.start(save_delay, [this] { save(); });
}

void KubernetesSource::lose_touch(const Error& error) {
  fail(error, FindingKind::kubernetes);
}

void KubernetesSource::save() {
  saved_at_ = timers().now();
  const auto done =
      state_dir_.save(file_name, to_text({.nodes = value(), .read_at = std::chrono::system_clock::now()}));
  if (done) return record_note(std::nullopt);
  record_note(Finding{FindingKind::state_not_kept, fmt::format("state-dir: {}", done.error().message)});
}

}  // namespace masq::agent
