// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/sources/fact_source.hpp"
#include "agent/sources/kept_state.hpp"
#include "base/result.hpp"
#include "datapath/mapping_table.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/reflector.hpp"
#include "model/ip_masq_agent.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// The ip-masq-agent's configuration from the key `config` of a ConfigMap, read from the API. The rules for a text are
// those of the file: after a rejected one the last valid one stays in force, without one the defaults apply. The last
// valid text is kept in `state-dir` for a start without the API.
class ConfigMapSource final : public FactSource<IpMasqAgent>, private kubernetes::ObjectSink {
 public:
  static constexpr const char* file_name = "ip-masq-agent";

  struct Parts {
    std::string config_map;  // "NAMESPACE/NAME"
    KeptState state;
    kubernetes::StartRequest start_request;
    kubernetes::Random random;
  };

  ConfigMapSource(os::Timers& timers, Parts parts, Changed changed);

  // Sets the rules that are already in force. They stay in force until the API answers.
  void seed(const std::vector<IpMasqEntry>& applied);
  // Takes the text that an earlier masqd has kept, and asks the API.
  void start();
  void contribute(Node& node) const override { node.ip_masq_agent = value(); }

 private:
  using Text = std::optional<std::string>;  // absent: there is no ConfigMap, or no such key in it

  void begin_list() override { listed_.reset(); }
  Result<void> list(const nlohmann::json& object) override;
  bool end_list() override;
  Result<void> set(const nlohmann::json& object) override;
  Result<void> remove(const nlohmann::json& object) override;
  void in_touch() override;
  void lose_touch(const Error& error) override;
  void accept();
  void save();

  std::string config_map_;
  KeptState state_dir_;
  Text text_;    // as the API says now
  Text listed_;  // by a list that is not complete
  Text accepted_;
  bool is_accepted_ = false;  // a text was accepted or rejected
  bool is_doubted_ = false;   // the last list lacked the ConfigMap, and no second one has confirmed it
  kubernetes::Reflector reflector_;
};

}  // namespace masq::agent
