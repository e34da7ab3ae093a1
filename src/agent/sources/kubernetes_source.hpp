// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/sources/cluster_nodes.hpp"
#include "agent/sources/fact_source.hpp"
#include "agent/sources/kept_state.hpp"
#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/reflector.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// The nodes of the cluster from the API of Kubernetes. What the API said last stays in force while it is away, and is
// kept in `state-dir` for the next start.
class KubernetesSource final : public FactSource<ClusterNodes>, private kubernetes::ObjectSink {
 public:
  static constexpr auto save_delay = std::chrono::seconds(1);      // after a change
  static constexpr auto save_interval = std::chrono::minutes(10);  // without a change: the time of the last answer
  static constexpr const char* file_name = "nodes.json";

  struct Parts {
    std::string node_name;  // of this node
    KeptState state;
    kubernetes::StartRequest start_request;
    kubernetes::Random random;
  };

  KubernetesSource(os::Timers& timers, Parts parts, Changed changed);

  // Takes what an earlier masqd has kept, and asks the API.
  void start();
  void contribute(Node& node) const override;

 private:
  void begin_list() override { listed_.clear(); }
  Result<void> list(const nlohmann::json& object) override;
  bool end_list() override;
  Result<void> set(const nlohmann::json& object) override;
  Result<void> remove(const nlohmann::json& object) override;
  void in_touch() override;
  void lose_touch(const Error& error) override;
  void take_saved();
  void put(const std::string& name, ClusterNode node);
  void save();

  std::string node_name_;
  KeptState state_dir_;
  ClusterNodes nodes_;    // as the API says now; value() is what was reported
  ClusterNodes listed_;   // by a list that is not complete
  bool differs_ = false;  // nodes_ from value()
  ListDoubt doubt_;
  os::Timers::Clock::time_point saved_at_;
  kubernetes::Reflector reflector_;
  os::Timer save_timer_;
};

}  // namespace masq::agent
