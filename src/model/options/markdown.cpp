// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "model/options/options.hpp"

namespace masq {
namespace {

std::string code(std::string_view text) {
  return fmt::format("`{}`", text);
}

std::string default_of(const OptionSpec& option) {
  if (!option.default_text.empty()) return code(option.default_text);
  return option.default_words.empty() ? "none" : std::string(option.default_words);
}

std::string meaning_of(const OptionSpec& option) {
  std::string text(option.help);
  if (const auto accepted = accepted_text(option); !accepted.empty()) text += ", " + accepted;
  if (!option.alias.empty()) text += fmt::format("; alias {}", code(option.alias));
  if (!option.section.empty()) text += fmt::format("; [more]({})", option.section);
  return text;
}

std::string_view scope_of(const OptionSpec& option) {
  switch (option.scope) {
    case Scope::every_datapath:
      return "all";
    case Scope::bpf:
      return "bpf";
    case Scope::netfilter:
      return "nftables, iptables";
  }
  return "";
}

}  // namespace

std::string options_as_markdown() {
  std::string text =
      "| key | default | meaning | datapaths | a change |\n"
      "| --- | --- | --- | --- | --- |\n";
  for (const auto& option : options())
    text += fmt::format("| {} | {} | {} | {} | {} |\n", code(option.key), default_of(option), meaning_of(option),
                        scope_of(option), to_word(option.reload));
  return text;
}

}  // namespace masq
