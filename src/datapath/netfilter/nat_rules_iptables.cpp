// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/address_range.hpp"
#include "datapath/netfilter/nat_rules.hpp"

namespace masq::netfilter {
namespace {

using Words = std::vector<std::string>;

// The words of a line; "a \"quoted\" text" is one.
Words words_of_rule(std::string_view line) {
  Words words;
  bool quoted = false, begun = false;
  std::string word;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && quoted && i + 1 < line.size()) {
      word += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
      begun = true;
    } else if (c == ' ' && !quoted) {
      if (begun) words.push_back(std::exchange(word, {}));
      begun = false;
    } else {
      word += c;
      begun = true;
    }
  }
  if (begun) words.push_back(std::move(word));
  return words;
}

std::optional<std::uint32_t> parse_mark(std::string_view text) {
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "0x4000/0x4000", "0x4000".
Condition mark_condition(std::string_view text, bool negated) {
  const auto slash = text.find('/');
  const auto value = parse_mark(text.substr(0, slash));
  const auto mask = slash == std::string_view::npos ? ~std::uint32_t{0} : parse_mark(text.substr(slash + 1));
  if (!value || !mask) return Unknown{};
  return WithMark{.mask = *mask, .value = *value & *mask, .negated = negated};
}

template <class AddressCondition>
Condition address_condition(std::string_view text, bool negated) {
  auto range = AddressRange::parse(text);
  if (!range) return Unknown{};
  return AddressCondition{.any_of = {*range}, .negated = negated};
}

// kube-proxy (ipvs) has the endpoints of a pod that reaches itself through a service in this set.
Condition set_condition(std::string_view set, bool negated) {
  if (set == "KUBE-LOOP-BACK" && !negated) return Never{};
  return Unknown{};
}

// Reads "-A CHAIN [! OPTION VALUE]… -j TARGET …" from left to right.
class RuleReader {
 public:
  explicit RuleReader(Words words) : words_(std::move(words)) {}

  NatRule read(const NatChains& chains) {
    for (at_ = 2; at_ < words_.size(); ++at_) {
      const std::string_view word = words_[at_];
      if (word == "-j" || word == "-g") {
        set_target(next(), word == "-g", chains);
        break;  // the rest belongs to the target
      }
      if (word == "!") {
        negated_ = true;
      } else if (word.starts_with('-')) {
        add_option(word);
        negated_ = false;
      }
    }
    return std::move(rule_);
  }

 private:
  std::string_view next() { return at_ + 1 < words_.size() ? std::string_view(words_[++at_]) : std::string_view(); }

  void add_option(std::string_view option) {
    if (option == "-s" || option == "--src-range")
      rule_.conditions.push_back(address_condition<FromSources>(next(), negated_));
    else if (option == "-d" || option == "--dst-range")
      rule_.conditions.push_back(address_condition<ToDestinations>(next(), negated_));
    else if (option == "-o")
      add_device(next());
    else if (option == "--mark")
      rule_.conditions.push_back(mark_condition(next(), negated_));
    else if (option == "--match-set")
      rule_.conditions.push_back(set_condition(next(), negated_));
    else if (option == "-m")
      add_module(next());
    else if (option == "--comment")
      next();
    else
      rule_.conditions.push_back(Unknown{});
  }

  // The options of these modules follow.
  void add_module(std::string_view module) {
    constexpr std::string_view known[] = {"comment", "connmark", "iprange", "mark", "set"};
    if (std::ranges::find(known, module) == std::end(known)) rule_.conditions.push_back(Unknown{});
  }

  void add_device(std::string_view device) {
    std::string pattern(device);
    if (pattern.ends_with('+')) pattern.back() = '*';
    rule_.conditions.push_back(ByDevices{.any_of = {std::move(pattern)}, .negated = negated_});
  }

  void set_target(std::string_view target, bool is_goto, const NatChains& chains) {
    using enum NatRule::Verdict;
    rule_.sets_mark = target == "MARK" || target == "CONNMARK";
    rule_.target = target;
    if (target == "MASQUERADE" || target == "SNAT" || target == "NETMAP")
      rule_.verdict = masquerades;
    else if (target == "ACCEPT" || target == "DROP" || target == "REJECT")
      rule_.verdict = ends;
    else if (target == "RETURN")
      rule_.verdict = returns;
    else if (chains.contains(rule_.target))
      rule_.verdict = is_goto ? goes : jumps;
  }

  Words words_;
  std::size_t at_ = 0;
  bool negated_ = false;
  NatRule rule_;
};

// Calls `visit` with each line of the table nat.
template <class Visit>
void for_each_line_of_nat(std::string_view saved, Visit visit) {
  bool in_nat = false;
  while (!saved.empty()) {
    const auto line = saved.substr(0, saved.find('\n'));
    saved.remove_prefix(std::min(saved.size(), line.size() + 1));
    if (line.starts_with('*')) in_nat = line == "*nat";
    if (in_nat) visit(line);
  }
}

}  // namespace

NatChains parse_nat_of_iptables(const std::string& saved) {
  NatChains chains;
  for_each_line_of_nat(saved, [&](std::string_view line) {
    if (line.starts_with(':')) chains[std::string(line.substr(1, line.find(' ') - 1))];
  });
  for_each_line_of_nat(saved, [&](std::string_view line) {
    auto words = words_of_rule(line);
    if (words.size() < 2 || words[0] != "-A") return;
    const auto chain = words[1];
    auto rule = RuleReader(std::move(words)).read(chains);
    rule.text = line;
    chains[chain].push_back(std::move(rule));
  });
  return chains;
}

}  // namespace masq::netfilter
