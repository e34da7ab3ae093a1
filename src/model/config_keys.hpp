// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/config.hpp"

namespace masq {

// A configuration that is being put together from its sources.
struct ConfigDraft {
  Config config{};
  std::optional<bool> enable_bpf_masquerade{};
  std::map<std::string, std::string, std::less<>> origins{};  // key -> the source that set it last
};

// One option, whatever the source it comes from: YAML key, file in the configuration directory, MASQ_ variable, flag.
struct ConfigKey {
  using Parse = Result<void> (*)(ConfigDraft&, std::span<const std::string> values);

  std::string_view name;
  std::string_view default_text;
  std::string_view help;  // one line
  Parse parse;            // replaces what the draft has; the error quotes the value and says what is accepted
  bool boolean = false;   // a flag without a value is true
  std::string_view alias = {};

  // "nat-max-mappings" -> "MASQ_NAT_MAX_MAPPINGS"
  static std::string environment_name(std::string_view name);
};

// Every option, in the order of docs/reference.md.
std::span<const ConfigKey> config_keys();
// By name or alias; null: there is none.
const ConfigKey* find_config_key(std::string_view name);

// Takes the values of one source for one key. An error reads "SOURCE: KEY: "VALUE": … is expected".
Result<void> set_config_key(ConfigDraft& draft, const ConfigKey& key, std::string_view written_name,
                            std::string_view source, std::span<const std::string> values);

// Holds the keys against each other: enable-bpf-masquerade against datapath, limits against limits.
Result<Config> finish_config(const ConfigDraft& draft);

// The keys that say what netfilter's conntrack decides by itself, where they are not what they are by default.
std::vector<std::string> conntrack_decides(const Config& config);

// One line for each option that is set and has no effect in this version yet.
std::vector<std::string> not_yet_available(const Config& config);

}  // namespace masq
