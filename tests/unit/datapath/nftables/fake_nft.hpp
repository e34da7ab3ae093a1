// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/guard.hpp"
#include "datapath/nftables/machine.hpp"
#include "datapath/nftables/nft_table.hpp"
#include "model/desired.hpp"

namespace masq::nftables {

// nft for tables of the family inet: commands as masq writes them in, listings out. A failed transaction changes
// nothing.
class FakeNft {
 public:
  using Tables = std::map<std::string, NftTable>;

  Machine machine() {
    return {.run = [this](const auto& commands) { return run(commands, tables); },
            .check =
                [this](const auto& commands) {
                  auto copy = tables;
                  return run(commands, copy);
                },
            .list = [this](const auto& command, netfilter::Nft::Form) { return list(command); },
            .has_table = [this](const auto& name) -> Result<bool> {
              return name == netfilter::nft_guard_name ? guard.has_value() : tables.contains(name);
            },
            .write_guard = [this](const Guard& wanted) -> Result<void> {
              TRY_DO(check_guard());
              guard = wanted;
              guards_written.push_back(wanted);
              return {};
            },
            .check_guard = [this](const Guard&) { return check_guard(); },
            .release_guard = [this] { guard.reset(); },
            .mend_connections = [this](const Desired&) -> Result<std::size_t> { return ++mended, 0; }};
  }
  NftSet& set(const std::string& name) { return *std::ranges::find(tables["masq"].sets, name, &NftSet::name); }
  NftChain& chain(const std::string& name) { return *std::ranges::find(tables["masq"].chains, name, &NftChain::name); }

  Tables tables;
  std::vector<std::string> written;  // transactions
  std::string refusal;               // empty: transactions succeed
  std::optional<Guard> guard;
  std::vector<Guard> guards_written;
  std::string guard_refusal;  // empty: the guard can be written
  int mended = 0;

 private:
  using Json = nlohmann::json;

  Result<void> check_guard() const {
    if (!guard_refusal.empty()) return fail("masq-guard: nftables: {}", guard_refusal);
    return {};
  }

  Result<void> run(const std::string& commands, Tables& into) {
    if (!refusal.empty()) return fail("nftables: {}", refusal);
    auto copy = into;
    std::istringstream lines(commands);
    for (std::string line; std::getline(lines, line);)
      if (!execute(copy, line, lines)) return fail("nftables: cannot execute: {}", line);
    if (&into == &tables) written.push_back(commands);
    into = copy;
    return {};
  }

  static std::string_view trimmed(std::string_view line) {
    return line.substr(std::min(line.find_first_not_of('\t'), line.size()));
  }
  static std::vector<std::string> words(std::string_view line) {
    std::istringstream text{std::string(line)};
    return {std::istream_iterator<std::string>(text), {}};
  }
  // "... { a, b }"
  static std::vector<std::string> elements(std::string_view line) {
    std::vector<std::string> found;
    const auto begin = line.find("{ ") + 2;
    std::string_view rest = line.substr(begin, line.rfind(" }") - begin);
    while (!rest.empty()) {
      std::string element(rest.substr(0, rest.find(", ")));
      rest.remove_prefix(std::min(rest.size(), element.size() + 2));
      std::erase(element, '"');
      found.push_back(element);
    }
    return found;
  }
  // Rules are listed by their comments.
  static NftRule rule(std::string_view line) {
    const auto comment = line.find(" comment \"") + 10;
    return {.text = {}, .comment = std::string(line.substr(comment, line.rfind('"') - comment))};
  }

  static bool execute(Tables& tables, const std::string& line, std::istringstream& lines) {
    const auto word = words(line);
    if (word[0] == "table") {
      auto& table = tables[word.at(2)];
      table.name = word[2];
      return word.size() == 3 || read_block(table, lines);
    }
    const auto table = tables.find(word.at(3));
    if (table == tables.end()) return false;
    if (word[0] == "delete" && word[1] == "table") return tables.erase(word[3]) == 1;
    if (word[1] == "chain" || word[1] == "rule") return change_chain(table->second, word, line);
    return change_set(table->second, word, line);
  }

  static bool change_chain(NftTable& table, const std::vector<std::string>& word, const std::string& line) {
    const auto chain = std::ranges::find(table.chains, word.at(4), &NftChain::name);
    if (chain == table.chains.end()) return false;
    if (word[0] == "flush") return chain->rules.clear(), true;
    return chain->rules.push_back(rule(line)), true;
  }

  static bool change_set(NftTable& table, const std::vector<std::string>& word, const std::string& line) {
    const auto set = std::ranges::find(table.sets, word.at(4), &NftSet::name);
    if (set == table.sets.end()) return false;
    if (word[0] == "flush") return set->elements.clear(), true;
    for (const auto& element : elements(line)) {
      if (word[0] == "delete" && std::erase(set->elements, element) == 0) return false;
      if (word[0] == "add") set->elements.push_back(element);
    }
    std::ranges::sort(set->elements);
    return true;
  }

  // The lines of render_table() after the first.
  static bool read_block(NftTable& table, std::istringstream& lines) {
    for (std::string text; std::getline(lines, text) && text != "}";) {
      const auto line = trimmed(text);
      const auto word = words(line);
      if (word[0] == "counter") {
        table.counters.push_back(word.at(1));
        std::getline(lines, text);  // "}"
      } else if (word[0] == "set") {
        table.sets.push_back({.name = word.at(1), .type = {}, .elements = {}});
        read_set(table.sets.back(), lines);
      } else if (word[0] == "chain") {
        table.chains.push_back({.name = word.at(1), .hook = {}, .rules = {}});
        read_chain(table.chains.back(), lines);
      } else {
        return false;
      }
    }
    return true;
  }

  static void read_set(NftSet& set, std::istringstream& lines) {
    for (std::string text; std::getline(lines, text) && trimmed(text) != "}";) {
      const auto line = trimmed(text);
      if (line.starts_with("type ")) set.type = line.substr(5);
      if (line == "flags interval") set.interval = true;
      if (line.starts_with("elements")) set.elements = elements(line);
    }
    std::ranges::sort(set.elements);
  }

  static void read_chain(NftChain& chain, std::istringstream& lines) {
    for (std::string text; std::getline(lines, text) && trimmed(text) != "}";) {
      const auto line = trimmed(text);
      const auto word = words(line);  // "type nat hook postrouting priority 99; policy accept;"
      if (line.ends_with("policy accept;"))
        chain.hook = NftChain::Hook{word.at(1), word.at(3), std::stoi(word.at(5))};
      else
        chain.rules.push_back(rule(line));
    }
  }

  static Json listed_set(const NftSet& set) {
    Json object = {{"name", set.name}, {"type", set.type}, {"elem", set.elements}};
    if (set.interval) object["flags"] = {"interval"};
    return {{"set", object}};
  }

  static Json listed_table(const NftTable& table) {
    auto objects = Json::array({{{"table", {{"name", table.name}}}}});
    for (const auto& counter : table.counters) objects.push_back({{"counter", {{"name", counter}, {"packets", 0}}}});
    for (const auto& set : table.sets) objects.push_back(listed_set(set));
    for (const auto& chain : table.chains) {
      Json object = {{"name", chain.name}};
      if (chain.hook)
        object.update({{"type", chain.hook->type},
                       {"hook", chain.hook->hook},
                       {"prio", chain.hook->priority},
                       {"policy", "accept"}});
      objects.push_back({{"chain", object}});
      for (const auto& rule : chain.rules)
        objects.push_back({{"rule", {{"chain", chain.name}, {"comment", rule.comment}}}});
    }
    return objects;
  }

  // "list table inet NAME", "list set inet TABLE SET"
  Result<std::string> list(const std::string& command) const {
    const auto word = words(command);
    const auto table = tables.find(word.at(3));
    if (table == tables.end()) return fail("nftables: No such file or directory");
    if (word[1] == "table") return Json({{"nftables", listed_table(table->second)}}).dump();
    const auto set = std::ranges::find(table->second.sets, word.at(4), &NftSet::name);
    if (set == table->second.sets.end()) return fail("nftables: No such file or directory");
    return Json({{"nftables", Json::array({listed_set(*set)})}}).dump();
  }
};

}  // namespace masq::nftables
