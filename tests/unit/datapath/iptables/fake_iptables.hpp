// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/iptables/machine.hpp"
#include "os/process.hpp"

namespace masq::iptables {

// iptables, ip6tables and ipset of the legacy variant: text in, text out. Each call is a transaction, as far as the
// programs guarantee it: one for each table, and one line of ipset at a time.
class FakeIptables {
 public:
  // Chain -> rules in the words of the input.
  using Chains = std::map<std::string, std::vector<std::string>>;
  using Tables = std::map<std::string, Chains>;

  Machine machine() {
    return {.run = [this](const auto& arguments, const auto& input) { return run(arguments, input); },
            .has_program = [](const std::string& name) { return name == "ipset" || name == "iptables-legacy-restore"; },
            .mend_connections = [this](const Desired&) -> Result<std::size_t> { return ++mended, 0; }};
  }

  std::map<std::string, Tables> families;             // "iptables", "ip6tables"
  std::map<std::string, std::set<std::string>> sets;  // members
  std::map<std::string, std::string> kinds;           // of the sets: "hash:net family inet"
  std::set<std::string> refused;                      // programs: "ip6tables-legacy-restore"
  std::vector<std::string> written;                   // programs that changed something
  int mended = 0;

 private:
  using Words = std::vector<std::string>;

  static Words words(std::string_view line) {
    std::istringstream text{std::string(line)};
    Words found;
    for (std::string word; text >> word;) found.push_back(word);
    return found;
  }
  static os::ProgramEnd refuse(const std::string& why) { return {.status = 2, .err = why + "\n"}; }

  Result<os::ProgramEnd> run(const Words& arguments, const std::string& input) {
    const auto& program = arguments[0];
    if (program == "ipset") return arguments[1] == "save" ? os::ProgramEnd{.out = saved_sets()} : restore_sets(input);
    if (arguments.back() == "--help") return os::ProgramEnd{.out = "--random-fully\nrpfilter match options:\n"};
    const auto family = program.substr(0, program.find('-'));
    if (program.ends_with("-save")) return os::ProgramEnd{.out = saved(families[family])};
    const bool tests = std::ranges::find(arguments, "--test") != arguments.end();
    if (refused.contains(tests ? program + " --test" : program)) return refuse("refused");
    return restore(family, input, tests);
  }

  static std::string saved(const Tables& tables) {
    std::string text;
    for (const auto& [table, chains] : tables) {
      text += fmt::format("*{}\n", table);
      for (const auto& [chain, rules] : chains)
        text += fmt::format(":{} {} [0:0]\n", chain, chain.starts_with("MASQ-") ? "-" : "ACCEPT");
      for (const auto& [chain, rules] : chains)
        for (const auto& rule : rules) text += fmt::format("-A {} {}\n", chain, rule);
      text += "COMMIT\n";
    }
    return text;
  }

  os::ProgramEnd restore(const std::string& family, const std::string& input, bool tests) {
    auto& tables = families[family];
    std::istringstream lines(input);
    std::string table;
    Chains chains;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('*')) {
        table = line.substr(1);
        chains = tables.contains(table) ? tables[table] : Chains{{"POSTROUTING", {}}, {"PREROUTING", {}}};
      } else if (line == "COMMIT") {
        if (!tests) tables[table] = chains;
      } else if (const auto error = change(chains, line)) {
        return refuse(*error);
      }
    }
    if (!tests) written.push_back(family);
    return {};
  }

  std::optional<std::string> change(Chains& chains, const std::string& line) {
    if (line.starts_with(':')) return chains[line.substr(1, line.find(' ') - 1)].clear(), std::nullopt;
    const auto command = line.substr(0, 2);
    const auto chain = line.substr(3, line.find(' ', 3) - 3);
    if (!chains.contains(chain)) return "no chain " + chain;
    auto& rules = chains[chain];
    if (command == "-X") return remove(chains, chain);
    auto rule = line.substr(3 + chain.size() + 1);
    if (command == "-I" && rule.starts_with("1 ")) rule.erase(0, 2);
    if (command == "-D") return std::erase(rules, rule) == 1 ? std::nullopt : std::optional("no rule: " + line);
    if (command != "-A" && command != "-I") return "unknown: " + line;
    if (auto error = find_missing(chains, rule)) return error;
    rules.insert(command == "-A" ? rules.end() : rules.begin(), rule);
    return std::nullopt;
  }

  static std::optional<std::string> remove(Chains& chains, const std::string& chain) {
    if (!chains[chain].empty()) return "not empty: " + chain;
    for (const auto& [other, rules] : chains)
      for (const auto& rule : rules)
        if (rule.ends_with("-j " + chain)) return fmt::format("{} is used by {}", chain, other);
    chains.erase(chain);
    return std::nullopt;
  }

  std::optional<std::string> find_missing(const Chains& chains, const std::string& rule) const {
    const auto found = words(rule);
    for (std::size_t i = 0; i + 1 < found.size(); ++i) {
      if (found[i] == "-j" && found[i + 1].starts_with("MASQ-") && !chains.contains(found[i + 1]))
        return "no target " + found[i + 1];
      if (found[i] == "--match-set" && !sets.contains(found[i + 1])) return "no set " + found[i + 1];
    }
    return std::nullopt;
  }

  // As the kernel prints it: in another order, and a host without a length.
  std::string saved_sets() const {
    std::string text;
    for (const auto& [name, members] : sets) {
      text += fmt::format("create {} {} hashsize 1024 maxelem 65536\n", name, kinds.at(name));
      for (auto member : members) {
        if (const auto host = member.find("/32"); host != std::string::npos) member.erase(host, 3);
        text += fmt::format("add {} {}\n", name, member);
      }
    }
    return text;
  }

  bool is_used(const std::string& set) const {
    for (const auto& [family, tables] : families)
      if (saved(tables).contains(" " + set + " ")) return true;
    return false;
  }

  os::ProgramEnd restore_sets(const std::string& input) {
    if (refused.contains("ipset")) return refuse("refused");
    std::istringstream lines(input);
    for (std::string line; std::getline(lines, line);)
      if (const auto error = change_set(line)) return refuse(*error);
    written.emplace_back("ipset");
    return {};
  }

  std::optional<std::string> change_set(const std::string& line) {
    const auto part = words(line);
    const auto& name = part.at(1);
    if (part[0] == "create") {
      if (!sets.try_emplace(name).second) return "exists: " + name;
      kinds[name] = fmt::format("{} {} {}", part.at(2), part.at(3), part.at(4));
      return std::nullopt;
    }
    if (!sets.contains(name)) return "no set: " + line;
    if (part[0] == "add") {
      sets[name].insert(line.substr(5 + name.size()));
    } else if (part[0] == "swap") {
      std::swap(sets[name], sets.at(part.at(2)));
    } else {
      if (is_used(name)) return "in use: " + name;
      sets.erase(name);
    }
    return std::nullopt;
  }
};

}  // namespace masq::iptables
