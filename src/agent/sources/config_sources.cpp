// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/config_sources.hpp"

#include <fmt/format.h>

#include <expected>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/sources/command_line.hpp"
#include "agent/sources/config_directory.hpp"
#include "agent/sources/kubernetes_options.hpp"
#include "base/result.hpp"
#include "model/options/options.hpp"
#include "model/yaml.hpp"
#include "os/file.hpp"

namespace masq::agent {
namespace {

namespace fs = std::filesystem;

// Sets the options of one source. A key that occurs twice, under any of its names, is an error.
class OptionSetter {
 public:
  explicit OptionSetter(ConfigDraft& draft) : draft_(draft) {}

  Result<void> set(const OptionSpec& option, std::string_view written_name, const std::string& place,
                   const std::vector<std::string>& values) {
    const auto [first, fresh] = names_.emplace(option.key, written_name);
    if (!fresh) return fail("{}: {}: the same option is also given as {}", place, written_name, first->second);
    return set_option(draft_, option, written_name, place, values);
  }

 private:
  ConfigDraft& draft_;
  std::map<std::string_view, std::string> names_;
};

Result<std::vector<std::string>> yaml_values(const YamlNode& entry, std::string_view place) {
  if (entry.is_scalar()) return std::vector{entry.text};
  std::vector<std::string> values;
  for (const auto& item : entry.children) {
    if (!entry.is_list() || !item.is_scalar())
      return fail("{}: {}: {}: text or a list of texts is expected", place, entry.key,
                  describe(entry.is_list() ? item : entry));
    values.push_back(item.text);
  }
  if (!entry.is_list())
    return fail("{}: {}: {}: text or a list of texts is expected", place, entry.key, describe(entry));
  return values;
}

Result<void> read_yaml_file(const std::string& path, ConfigDraft& draft) {
  TRY(const auto text, os::read_file(path, max_options_size));
  if (is_blank_document(text)) return {};
  const auto document = parse_yaml(text);
  if (!document) return fail_with(path, document.error());
  if (!document->is_map())
    return fail("{}: line {}: {}: a map of options is expected", path, document->line, describe(*document));
  OptionSetter setter(draft);
  for (const auto& entry : document->children) {
    const auto place = fmt::format("{}: line {}", path, entry.line);
    const auto* const key = find_option(entry.key);
    if (key == nullptr) return fail("{}: {:?}: no such option: a key of masqd --help is expected", place, entry.key);
    TRY(const auto values, yaml_values(entry, place));
    TRY_DO(setter.set(*key, entry.key, place, values));
  }
  return {};
}

Result<void> set_directory(const std::string& path, const ConfigDirectory& directory, ConfigDraft& draft) {
  OptionSetter setter(draft);
  for (const auto& [name, text] : directory.options)
    TRY_DO(setter.set(*find_option(name), name, (fs::path(path) / name).string(), {text}));
  return {};
}

// Kubernetes sets such variables in every pod for each service of its namespace.
std::string_view service_link_hint(std::string_view variable) {
  const bool link = variable.starts_with("MASQ_SERVICE_") || variable.starts_with("MASQ_PORT");
  return link ? " (it looks like the link to a Kubernetes service named masq: set enableServiceLinks: false)" : "";
}

Result<void> read_variables(const Environment& environment, ConfigDraft& draft) {
  std::map<std::string, std::string_view> key_names;  // by variable
  for (const auto& option : options()) {
    key_names.emplace(OptionSpec::environment_name(option.key), option.key);
    if (!option.alias.empty()) key_names.emplace(OptionSpec::environment_name(option.alias), option.alias);
  }
  OptionSetter setter(draft);
  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with("MASQ_")) continue;
    const auto name = key_names.find(variable);
    if (name == key_names.end())
      return fail("environment {}: {:?}: no such option: MASQ_ and a key of masqd --help is expected{}", variable,
                  value, service_link_hint(variable));
    const auto place = fmt::format("environment {}", variable);
    TRY_DO(setter.set(*find_option(name->second), name->second, place, {value}));
  }
  return {};
}

Result<void> read_flags(const CommandLine& command_line, ConfigDraft& draft) {
  for (const auto& [name, values] : command_line.flags) {
    const auto* const key = find_option(name);
    if (key == nullptr) return fail("flag --{}: no such option", name);
    TRY_DO(set_option(draft, *key, name, fmt::format("flag --{}", name), values));
  }
  return {};
}

}  // namespace

Environment read_environment(const char* const* environ) {
  Environment environment;
  for (; environ != nullptr && *environ != nullptr; ++environ) {
    const std::string_view entry = *environ;
    if (const auto equals = entry.find('='); equals != entry.npos)
      environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return environment;
}

Result<LoadedConfig> load_config(const CommandLine& command_line, const Environment& environment) {
  ConfigDraft draft;
  LoadedConfig loaded;
  if (!command_line.config_file.empty()) TRY_DO(read_yaml_file(command_line.config_file, draft));
  if (!command_line.config_dir.empty()) {
    TRY(loaded.directory, read_config_directory(command_line.config_dir));
    TRY_DO(set_directory(command_line.config_dir, *loaded.directory, draft));
  }
  TRY_DO(read_variables(environment, draft));
  TRY_DO(read_flags(command_line, draft));
  TRY(loaded.config, finish_config(draft));
  TRY_DO(check_kubernetes(loaded.config, environment));
  loaded.given = std::move(draft.given);
  return loaded;
}

}  // namespace masq::agent
