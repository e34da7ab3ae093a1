// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_range.hpp"
#include "datapath/netfilter/nat_rules.hpp"
#include "datapath/netfilter/nft.hpp"

namespace masq::netfilter {
namespace {

using Json = nlohmann::json;

// A member of an object; null for anything else, so that no shape of the listing is an error.
const Json& part(const Json& object, const char* key) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string text_of(const Json& object, const char* key) {
  const auto& value = part(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::optional<std::uint32_t> number_of(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return static_cast<std::uint32_t>(value.get<std::uint64_t>());
}

std::vector<Json> objects_of(const std::string& text) {
  if (is_nested_too_deeply(text)) return {};
  const auto document = Json::parse(text, nullptr, false);
  const auto& objects = part(document, "nftables");
  return objects.is_array() ? objects.get<std::vector<Json>>() : std::vector<Json>();
}

std::optional<AddressRange> range_of(const Json& value) {
  const auto parse = [](const std::string& text) -> std::optional<AddressRange> {
    auto range = AddressRange::parse(text);
    return range ? std::optional(*range) : std::nullopt;
  };
  if (value.is_string()) return parse(value.get<std::string>());
  if (const auto& prefix = part(value, "prefix"); prefix.is_object()) {
    const auto length = number_of(part(prefix, "len"));
    return length ? parse(fmt::format("{}/{}", text_of(prefix, "addr"), *length)) : std::nullopt;
  }
  const auto& ends = part(value, "range");
  if (!ends.is_array() || ends.size() != 2 || !ends[0].is_string() || !ends[1].is_string()) return std::nullopt;
  return parse(fmt::format("{}-{}", ends[0].get<std::string>(), ends[1].get<std::string>()));
}

// The alternatives of a value: {"set": [...]} has several.
std::vector<Json> alternatives_of(const Json& value) {
  const auto& set = part(value, "set");
  if (!set.is_array()) return {value};
  std::vector<Json> all;
  for (const auto& element : set) {
    const auto& wrapped = part(part(element, "elem"), "val");
    all.push_back(wrapped.is_null() ? element : wrapped);
  }
  return all;
}

template <class AddressCondition>
Condition by_address(const Json& right, bool negated) {
  AddressCondition condition{.any_of = {}, .negated = negated};
  for (const auto& value : alternatives_of(right)) {
    const auto range = range_of(value);
    if (!range) return Unknown{};
    condition.any_of.push_back(*range);
  }
  return condition;
}

Condition by_device(const Json& right, bool negated) {
  ByDevices condition{.any_of = {}, .negated = negated};
  for (const auto& value : alternatives_of(right)) {
    if (!value.is_string() || value.get<std::string>().starts_with('@')) return Unknown{};
    condition.any_of.push_back(value.get<std::string>());
  }
  return condition;
}

Condition by_family(const Json& right, bool negated) {
  const auto is = [&](std::string_view word, std::uint32_t number) { return right == word || right == number; };
  if (is("ipv4", 2) || is("ip", 0x0800)) return OfFamily{.family = Family::ipv4, .negated = negated};
  if (is("ipv6", 10) || is("ip6", 0x86dd)) return OfFamily{.family = Family::ipv6, .negated = negated};
  return Unknown{};
}

bool is_mark(const Json& value) {
  return text_of(part(value, "meta"), "key") == "mark" || text_of(part(value, "ct"), "key") == "mark";
}

// mark == 1; mark & 0x4000 == 0x4000; "in": one of these bits is set.
Condition by_mark(const Json& match, bool negated) {
  const auto& left = part(match, "left");
  const auto value = number_of(part(match, "right"));
  if (!value) return Unknown{};
  if (part(match, "op") == "in") return WithMark{.mask = *value, .value = *value};
  if (is_mark(left)) return WithMark{.value = *value, .negated = negated};
  const auto& both = part(left, "&");
  if (!both.is_array() || both.size() != 2 || !is_mark(both[0])) return Unknown{};
  const auto mask = number_of(both[1]);
  return mask ? Condition(WithMark{.mask = *mask, .value = *value, .negated = negated}) : Condition(Unknown{});
}

Condition by_meta(const std::string& key, const Json& right, bool negated) {
  if (key == "oifname" || key == "oif") return by_device(right, negated);
  if (key == "nfproto" || key == "protocol") return by_family(right, negated);
  return Unknown{};
}

// A condition on a field of the IP header implies the family.
void add_payload(NatRule& rule, const Json& payload, const Json& right, bool negated) {
  const auto protocol = text_of(payload, "protocol");
  if (protocol == "ip" || protocol == "ip6")
    rule.conditions.push_back(OfFamily{.family = protocol == "ip" ? Family::ipv4 : Family::ipv6});
  const auto field = text_of(payload, "field");
  if (field == "saddr")
    rule.conditions.push_back(by_address<FromSources>(right, negated));
  else if (field == "daddr")
    rule.conditions.push_back(by_address<ToDestinations>(right, negated));
  else
    rule.conditions.push_back(Unknown{});
}

void add_match(NatRule& rule, const Json& match) {
  const auto& left = part(match, "left");
  const auto& right = part(match, "right");
  const auto op = text_of(match, "op");
  const bool negated = op == "!=";
  if (op != "==" && op != "!=" && op != "in") return rule.conditions.push_back(Unknown{});
  if (const auto& payload = part(left, "payload"); payload.is_object())
    return add_payload(rule, payload, right, negated);
  if (is_mark(left) || part(left, "&").is_array()) return rule.conditions.push_back(by_mark(match, negated));
  if (const auto& meta = part(left, "meta"); meta.is_object())
    return rule.conditions.push_back(by_meta(text_of(meta, "key"), right, negated));
  rule.conditions.push_back(Unknown{});
}

// Returns false if the statement is no verdict.
bool set_verdict(NatRule& rule, const std::string& key, const Json& value) {
  using enum NatRule::Verdict;
  if (key == "masquerade" || key == "snat")
    rule.verdict = masquerades;
  else if (key == "accept" || key == "drop" || key == "reject" || key == "queue")
    rule.verdict = ends;
  else if (key == "return")
    rule.verdict = returns;
  else if (key == "jump" || key == "goto")
    rule.verdict = key == "jump" ? jumps : goes;
  else
    return false;
  rule.target = text_of(value, "target");
  return true;
}

void add_xt(NatRule& rule, const Json& xt) {
  const auto name = text_of(xt, "name");
  if (text_of(xt, "type") == "match") {
    if (name != "comment") rule.conditions.push_back(Unknown{});
    return;
  }
  if (name == "MASQUERADE" || name == "SNAT" || name == "NETMAP") rule.verdict = NatRule::Verdict::masquerades;
  if (name == "MARK" || name == "CONNMARK") rule.sets_mark = true;
}

using Maps = std::map<std::string, Json>;  // elements of the verdict maps

// A verdict map is one rule for each element.
std::vector<NatRule> rules_of_vmap(const NatRule& rule, const Json& vmap, const Maps& maps) {
  const auto& data = part(vmap, "data");
  const auto named = data.is_string() ? maps.find(data.get<std::string>().substr(1)) : maps.end();
  const auto& elements = data.is_string() && named != maps.end() ? named->second : part(data, "set");
  std::vector<NatRule> rules;
  if (!elements.is_array()) return rules;
  for (const auto& element : elements) {
    if (!element.is_array() || element.size() != 2 || !element[1].is_object() || element[1].empty()) continue;
    auto one = rule;
    const auto& wrapped = part(part(element[0], "elem"), "val");
    add_match(one, {{"op", "=="}, {"left", part(vmap, "key")}, {"right", wrapped.is_null() ? element[0] : wrapped}});
    if (set_verdict(one, element[1].begin().key(), element[1].begin().value())) rules.push_back(std::move(one));
  }
  return rules;
}

// The statements that neither decide nor limit.
bool is_neutral(const std::string& key) {
  return key == "counter" || key == "log" || key == "comment" || key == "set";
}

std::vector<NatRule> rules_of(const Json& object, const std::string& text, const Maps& maps, bool& has_xt) {
  NatRule rule;
  rule.text = text;
  const auto& statements = part(object, "expr");
  if (!statements.is_array()) return {};
  for (const auto& statement : statements) {
    if (!statement.is_object() || statement.empty()) continue;
    const auto& key = statement.begin().key();
    const auto& value = statement.begin().value();
    has_xt |= key == "xt";
    if (key == "vmap") return rules_of_vmap(rule, value, maps);
    if (key == "match")
      add_match(rule, value);
    else if (key == "xt")
      add_xt(rule, value);
    else if (key == "mangle")
      rule.sets_mark |= is_mark(part(value, "key"));
    else if (!set_verdict(rule, key, value) && !is_neutral(key))
      rule.conditions.push_back(Unknown{});
  }
  return {std::move(rule)};
}

// One blank between words: rules of iptables-nft are printed with more.
std::string squeezed(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const char blank = c == '\t' || c == '\n' ? ' ' : c;
    if (blank != ' ' || (!result.empty() && result.back() != ' ')) result += blank;
  }
  while (result.ends_with(' ')) result.pop_back();
  return result;
}

// Returns the texts of a table's rules by their handles: "ip saddr 10.0.0.0/8 masquerade # handle 4". A rule with a set
// may have several lines.
std::map<std::uint64_t, std::string> texts_by_handle(std::string_view listing, const std::string& header) {
  std::map<std::uint64_t, std::string> texts;
  std::string text;
  bool in_table = false;
  while (!listing.empty()) {
    const auto line = listing.substr(0, listing.find('\n'));
    listing.remove_prefix(std::min(listing.size(), line.size() + 1));
    if (line.starts_with("table ")) {
      in_table = line.starts_with(header);
      continue;
    }
    if (!in_table) continue;
    const auto mark = line.rfind(" # handle ");
    const auto part_of_rule = line.substr(0, mark);
    if (part_of_rule.ends_with('{') || part_of_rule.ends_with(';')) {
      text.clear();  // the head of an object
      if (mark != std::string_view::npos || part_of_rule.ends_with(';')) continue;
    }
    text += part_of_rule;
    text += ' ';
    if (mark == std::string_view::npos) continue;
    const auto handle = std::strtoull(std::string(line.substr(mark + 10)).c_str(), nullptr, 10);
    texts[handle] = squeezed(std::exchange(text, {}));
  }
  return texts;
}

}  // namespace

std::vector<NftBaseChain> nat_chains_at_postrouting(const std::string& json) {
  std::vector<NftBaseChain> found;
  for (const auto& object : objects_of(json)) {
    const auto& chain = part(object, "chain");
    if (text_of(chain, "type") == "nat" && text_of(chain, "hook") == "postrouting")
      found.push_back(
          {.family = text_of(chain, "family"), .table = text_of(chain, "table"), .chain = text_of(chain, "name")});
  }
  std::ranges::sort(found);
  return found;
}

void add_nft_rules(NftNatTable& result, const std::string& family, const std::string& table, const std::string& json,
                   const std::string& text) {
  const auto texts = texts_by_handle(text, fmt::format("table {} {} {{", family, table));
  const auto objects = objects_of(json);
  const auto is_of_table = [&](const Json& object) {
    return text_of(object, "family") == family && text_of(object, "table") == table;
  };
  Maps maps;
  for (const auto& object : objects)
    if (const auto& map = part(object, "map"); is_of_table(map)) maps[text_of(map, "name")] = part(map, "elem");
  for (const auto& object : objects) {
    if (const auto& chain = part(object, "chain"); is_of_table(chain)) result.chains[text_of(chain, "name")];
    const auto& rule = part(object, "rule");
    if (!is_of_table(rule)) continue;
    const auto& handle = part(rule, "handle");
    const auto found = handle.is_number_unsigned() ? texts.find(handle.get<std::uint64_t>()) : texts.end();
    auto& chain = result.chains[text_of(rule, "chain")];
    for (auto& one : rules_of(rule, found == texts.end() ? std::string() : found->second, maps, result.has_xt))
      chain.push_back(std::move(one));
  }
}

}  // namespace masq::netfilter
