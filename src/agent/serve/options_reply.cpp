// SPDX-License-Identifier: Apache-2.0
#include "agent/serve/options_reply.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/sources/options_source.hpp"
#include "model/config.hpp"
#include "model/options/options.hpp"

namespace masq::agent {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const GivenValue& given) {
  return {{"value", given.text}, {"source", given.source}};
}

Json render_option(const OptionsSource& options, const OptionSpec& option) {
  Json row = {{"key", option.key}};
  row.update(to_json(given_value(options.given(), option)));
  if (!options.given().contains(option.key) && option.default_text.empty()) row["meaning"] = option.default_words;
  row["change"] = to_word(option.reload);
  const auto& after_restart = options.after_restart();
  if (const auto later = after_restart.find(option.key); later != after_restart.end())
    row["afterRestart"] = to_json(later->second);
  return row;
}

}  // namespace

Json render_options(const OptionsSource& options, DatapathKind datapath) {
  const auto idle = options_without_effect(options.value(), datapath);
  auto rows = Json::array();
  for (const auto& option : masq::options()) {
    auto row = render_option(options, option);
    if (std::ranges::find(idle, option.key) != idle.end()) row["withoutEffect"] = true;
    rows.push_back(std::move(row));
  }
  return {{"options", std::move(rows)}};
}

}  // namespace masq::agent
