// SPDX-License-Identifier: Apache-2.0
#include "model/ip_masq_agent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/edit_distance.hpp"
#include "base/result.hpp"
#include "model/yaml.hpp"

namespace masq {
namespace {

constexpr std::size_t max_cidrs = 65536;
constexpr std::size_t max_warnings = 20;
constexpr std::size_t most_misspelt_letters = 2;
constexpr std::size_t longest_key = 30;

constexpr std::string_view spellings[] = {"nonMasqueradeCIDRs", "masqueradeCIDRs", "masqLinkLocal",
                                          "masqLinkLocalIPv6",  "resyncInterval",  "cidrLimit"};

// Default exclusions of kubernetes-sigs/ip-masq-agent and Cilium without a file.
constexpr std::string_view reserved_ranges[] = {
    "10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16",  "100.64.0.0/10",  "192.0.0.0/24", "192.0.2.0/24",
    "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
};

const Cidr& link_local_ipv4() {
  static const Cidr cidr = Cidr::parse("169.254.0.0/16").value();
  return cidr;
}

const Cidr& link_local_ipv6() {
  static const Cidr cidr = Cidr::parse("fe80::/10").value();
  return cidr;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// Returns the key as the documentation writes it.
std::string_view spelling_of(std::string_view lower_case) {
  return *std::ranges::find_if(spellings, [&](std::string_view key) { return lower(key) == lower_case; });
}

void sort_and_deduplicate(std::vector<Cidr>& cidrs) {
  std::ranges::sort(cidrs);
  const auto repeated = std::ranges::unique(cidrs);
  cidrs.erase(repeated.begin(), repeated.end());
}

// Reads the document's entries into `agent`, one after the other.
class Reader {
 public:
  Result<IpMasqAgent> read(const YamlNode& document);

 private:
  using Entry = Result<void> (Reader::*)(const YamlNode&);

  Result<void> read_entry(const YamlNode& entry);
  Result<void> non_masquerade_cidrs(const YamlNode& entry) {
    excluded_given_ = entry.is_list() && !entry.children.empty();
    return read_cidrs(entry, agent_.non_masquerade);
  }
  Result<void> masquerade_cidrs(const YamlNode& entry) { return read_cidrs(entry, agent_.masquerade); }
  Result<void> masq_link_local(const YamlNode& entry) { return read_boolean(entry, masq_link_local_ipv4_); }
  Result<void> masq_link_local_ipv6(const YamlNode& entry) { return read_boolean(entry, masq_link_local_ipv6_); }
  Result<void> unused(const YamlNode&) { return {}; }

  Result<void> read_cidrs(const YamlNode& entry, std::vector<Cidr>& cidrs);
  Result<Cidr> read_cidr(const YamlNode& entry, const YamlNode& item);
  static Result<void> read_boolean(const YamlNode& entry, bool& value);
  void warn(std::string warning);
  void finish();

  IpMasqAgent agent_;
  std::map<std::string, int> seen_;  // key in lower case -> line
  std::size_t warnings_ = 0;
  bool excluded_given_ = false;
  bool masq_link_local_ipv4_ = false;
  bool masq_link_local_ipv6_ = false;
};

Result<IpMasqAgent> Reader::read(const YamlNode& document) {
  if (!document.is_map())
    return fail("line {}: {}: a map is expected, such as nonMasqueradeCIDRs: [10.0.0.0/8]", document.line,
                describe(document));
  for (const auto& entry : document.children) TRY_DO(read_entry(entry));
  finish();
  return std::move(agent_);
}

Result<void> Reader::read_entry(const YamlNode& entry) {
  static const std::map<std::string_view, Entry> entries = {
      {"nonmasqueradecidrs", &Reader::non_masquerade_cidrs},
      {"masqueradecidrs", &Reader::masquerade_cidrs},
      {"masqlinklocal", &Reader::masq_link_local},
      {"masqlinklocalipv6", &Reader::masq_link_local_ipv6},
      {"resyncinterval", &Reader::unused},
      {"cidrlimit", &Reader::unused},
  };
  const auto key = lower(entry.key);
  const auto [first, fresh] = seen_.emplace(key, entry.line);
  if (!fresh) return fail("line {}: {}: given twice, first in line {}", entry.line, entry.key, first->second);
  const auto known = entries.find(key);
  if (known == entries.end()) {
    // A misspelt key would leave its destinations out of the exclusions without a word.
    for (const auto& [word, read] : entries)
      if (key.size() <= longest_key && edit_distance(key, word) <= most_misspelt_letters)
        return fail("line {}: {:?}: unknown key; is {} meant?", entry.line, entry.key, spelling_of(word));
    warn(fmt::format("line {}: {:?}: unknown key, ignored", entry.line, entry.key));
    return {};
  }
  return (this->*known->second)(entry);
}

// A key without a value is an empty list, as in the original agents.
Result<void> Reader::read_cidrs(const YamlNode& entry, std::vector<Cidr>& cidrs) {
  if (entry.is_null()) return {};
  if (!entry.is_list())
    return fail("line {}: {}: {}: a list of CIDRs is expected", entry.line, entry.key, describe(entry));
  if (agent_.non_masquerade.size() + agent_.masquerade.size() + entry.children.size() > max_cidrs)
    return fail("line {}: {}: more than {} CIDRs", entry.line, entry.key, max_cidrs);
  for (const auto& item : entry.children) {
    TRY(const auto cidr, read_cidr(entry, item));
    cidrs.push_back(cidr);
  }
  return {};
}

Result<Cidr> Reader::read_cidr(const YamlNode& entry, const YamlNode& item) {
  if (!item.is_scalar())
    return fail("line {}: {}: {}: a CIDR is expected, such as 10.0.0.0/8", item.line, entry.key, describe(item));
  const auto cidr = Cidr::parse(item.text);
  if (!cidr) {
    if (const auto bare = Address::parse(item.text))
      return fail("line {}: {}: {:?}: a CIDR is expected, write {} for this one address", item.line, entry.key,
                  item.text, Cidr::host(*bare).to_string());
    return fail("line {}: {}: {}", item.line, entry.key, cidr.error().message);
  }
  const auto written = Address::parse(item.text.substr(0, item.text.find('/')));
  if (written && *written != cidr->address())
    warn(fmt::format("line {}: {}: {}: host bits cleared, {} is used", item.line, entry.key, item.text,
                     cidr->to_string()));
  return *cidr;
}

// The booleans of YAML 1.1, as the original agents parse them.
Result<void> Reader::read_boolean(const YamlNode& entry, bool& value) {
  if (entry.is_null()) return {};
  const auto word = entry.is_scalar() && !entry.quoted ? lower(entry.text) : "";
  if (word == "true" || word == "yes" || word == "on")
    value = true;
  else if (word == "false" || word == "no" || word == "off")
    value = false;
  else
    return fail("line {}: {}: {}: true or false is expected", entry.line, entry.key, describe(entry));
  return {};
}

// A generated file may contain the same mistake 50,000 times.
void Reader::warn(std::string warning) {
  if (++warnings_ <= max_warnings) agent_.warnings.push_back(std::move(warning));
}

void Reader::finish() {
  if (warnings_ > max_warnings)
    agent_.warnings.push_back(fmt::format("and {} more warnings", warnings_ - max_warnings));
  if (!excluded_given_) {
    const bool none = masq_link_local_ipv4_ && masq_link_local_ipv6_;
    agent_.warnings.push_back(none ? "no nonMasqueradeCIDRs: no destination is excluded"
                                   : "no nonMasqueradeCIDRs: only link-local destinations are excluded");
  }
  if (!masq_link_local_ipv4_) agent_.non_masquerade.push_back(link_local_ipv4());
  if (!masq_link_local_ipv6_) agent_.non_masquerade.push_back(link_local_ipv6());
  sort_and_deduplicate(agent_.non_masquerade);
  sort_and_deduplicate(agent_.masquerade);
}

}  // namespace

IpMasqAgent default_ip_masq_agent() {
  IpMasqAgent agent;
  for (const auto range : reserved_ranges) agent.non_masquerade.push_back(Cidr::parse(range).value());
  agent.non_masquerade.push_back(link_local_ipv4());
  agent.non_masquerade.push_back(link_local_ipv6());
  std::ranges::sort(agent.non_masquerade);
  return agent;
}

Result<IpMasqAgent> parse_ip_masq_agent(std::string_view text) {
  if (is_blank_document(text)) return default_ip_masq_agent();
  TRY(const auto document, parse_yaml(text));
  return Reader().read(document);
}

}  // namespace masq
