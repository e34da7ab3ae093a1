// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>

#include "model/options/options.hpp"

namespace masq {
namespace {

constexpr std::string_view yaml_head =
    "# Options of masqd, which masquerades the packets of this machine's containers and guests. Manual: "
    "masqd.yaml(5).\n"
    "#\n"
    "# Each option is shown with its default. To change one, remove the # before it, and run: systemctl reload masqd\n"
    "# Options with the remark (restart) need: systemctl restart masqd\n"
    "# A list is separated by commas or blanks, or written as a YAML list.\n";

constexpr std::size_t max_yaml_width = 110;

// Breaks `text` at blanks into comment lines.
std::string as_comment(const std::string& text) {
  std::string lines;
  std::string line = "#";
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > max_yaml_width) {
      lines += line + "\n";
      line = "#";
    }
    line += " " + word;
  }
  return lines + line + "\n";
}

std::string remarks_of(const OptionSpec& option) {
  std::string text(option.help);
  if (const auto accepted = accepted_text(option); !accepted.empty()) text += ", " + accepted;
  if (option.default_text.empty())
    text += fmt::format(" (default: {})", option.default_words.empty() ? "none" : option.default_words);
  if (option.scope == Scope::bpf) text += " (bpf)";
  if (option.scope == Scope::netfilter) text += " (nftables, iptables)";
  if (option.reload == Reload::restart) text += " (restart)";
  return text;
}

}  // namespace

std::string options_as_yaml() {
  std::string text(yaml_head);
  for (const auto& option : options())
    text += fmt::format("\n{}#{}:{}{}\n", as_comment(remarks_of(option)), option.key,
                        option.default_text.empty() ? "" : " ", option.default_text);
  return text;
}

}  // namespace masq
