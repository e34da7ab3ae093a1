// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/config.hpp"

namespace masq {

// What a source says of an option.
struct GivenValue {
  std::string source;  // "/etc/masq/masqd.yaml: line 3", "flag --devices"
  std::string text;    // as it is written there
  bool operator==(const GivenValue&) const = default;
};
// By key: of the source that set it last. An option that no source sets has its default, and is not in here.
using GivenValues = std::map<std::string, GivenValue, std::less<>>;

// A configuration while it is read from its sources.
struct ConfigDraft {
  Config config{};
  std::optional<bool> enable_bpf_masquerade{};
  GivenValues given{};
};

// The datapaths in which an option has an effect.
enum class Scope : std::uint8_t { every_datapath, bpf, netfilter };

// The cost of a change on SIGHUP or in a watched source.
enum class Reload : std::uint8_t {
  live,     // in force at once
  program,  // bpf replaces its programs without interrupting packets; nftables and iptables replace their rules
  restart,  // in force after a restart of masqd
};

// Limits of a number, or of a duration in seconds. Both zero: none.
struct ValueRange {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  bool seconds = false;
};

// One row of table.cpp has all properties of one option. --help, docs/reference.md, the checks of a configuration and
// the handling of a change are generated from the rows.
struct OptionSpec {
  using Texts = std::span<const std::string>;

  // The functions that depend on the member of Config.
  struct Access {
    // Replaces the draft's value. An error quotes the text and names the accepted values.
    Result<void> (*parse)(ConfigDraft&, Texts, const OptionSpec&) = nullptr;
    bool (*equal)(const Config&, const Config&) = nullptr;
    void (*copy)(Config& to, const Config& from) = nullptr;
  };

  std::string_view key;
  std::string_view alias{};
  std::string_view default_text{};   // in the syntax of the option
  std::string_view default_words{};  // words for a default that is not a value: "the pod CIDRs"
  std::string_view help;             // one line of plain text, without a full stop
  std::string_view section{};        // link to more text in docs/reference.md: "#uplinks"
  std::string_view values{};         // all accepted values, separated by blanks: "text json", "true false"
  ValueRange range{};
  Scope scope = Scope::every_datapath;
  Reload reload = Reload::live;
  Access access;

  // A flag without a value is true.
  bool is_boolean() const { return values.ends_with("true false"); }
  // "nat-max-mappings" -> "MASQ_NAT_MAX_MAPPINGS"
  static std::string environment_name(std::string_view name);
};

// Every option, in the order of docs/reference.md.
std::span<const OptionSpec> options();
// Finds an option by key or alias. Returns null if there is none.
const OptionSpec* find_option(std::string_view name);

// "live", "program" or "restart".
std::string_view to_word(Reload reload);
// What is given for an option; without a source, "default" and its default, which is empty if it is no value.
GivenValue given_value(const GivenValues& given, const OptionSpec& option);

// Takes the values of one source for one option. An error reads "SOURCE: KEY: "VALUE": … is expected".
Result<void> set_option(ConfigDraft& draft, const OptionSpec& option, std::string_view written_name,
                        std::string_view source, std::span<const std::string> values);

// Checks the options against each other: enable-bpf-masquerade against datapath, limits against limits.
Result<Config> finish_config(const ConfigDraft& draft);

// The options that are not at their defaults and have no effect with this datapath.
std::vector<std::string_view> options_without_effect(const Config& config, DatapathKind datapath);

// Returns `loaded`, except that options which need a restart keep their running values. Appends the keys of these
// options to `kept`.
Config with_fixed_options(const Config& running, Config loaded, std::vector<std::string_view>& kept);

// "16 to 8388608", "2s to 168h", "one of text, json"; empty if the option has no limits, or is a boolean.
std::string accepted_text(const OptionSpec& option);

// The table of docs/reference.md, in Markdown.
std::string options_as_markdown();

// A configuration file that has every option as a comment with its default: /etc/masq/masqd.yaml of the package.
std::string options_as_yaml();

}  // namespace masq
