// SPDX-License-Identifier: Apache-2.0
// Converts the output of `nft -j list`: libnftables-json(5).
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/nftables/nft_reader.hpp"
#include "datapath/nftables/nft_table.hpp"

namespace masq::nftables {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// "ipv4_addr", or a list of types that form one key.
std::string type_of(const Json& set) {
  const auto found = set.find("type");
  if (found == set.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  std::string type;
  for (const auto& part : *found) type += (type.empty() ? "" : " . ") + part.get<std::string>();
  return type;
}

std::string element_text(const Json& element) {
  if (element.is_string()) return element.get<std::string>();
  if (element.is_number()) return std::to_string(element.get<std::uint64_t>());
  if (const auto found = element.find("elem"); found != element.end()) return element_text(found->at("val"));
  if (const auto found = element.find("prefix"); found != element.end())
    return fmt::format("{}/{}", text_of(*found, "addr"), found->value("len", 0));
  if (const auto found = element.find("range"); found != element.end())
    return element_text(found->at(0)) + "-" + element_text(found->at(1));
  std::string text;
  if (const auto found = element.find("concat"); found != element.end())
    for (const auto& part : *found) text += (text.empty() ? "" : " . ") + element_text(part);
  return text;
}

// nft does not always print the shortest form of an interval.
std::string canonical(std::string text) {
  const auto range = AddressRange::parse(text);
  return range ? range->to_string() : text;
}

NftSet parse_set_object(const Json& object) {
  NftSet set{.name = text_of(object, "name"), .type = type_of(object), .elements = {}};
  for (const auto& flag : object.value("flags", Json::array())) set.interval |= flag == "interval";
  for (const auto& element : object.value("elem", Json::array())) {
    auto text = element_text(element);
    set.elements.push_back(set.interval ? canonical(std::move(text)) : std::move(text));
  }
  std::ranges::sort(set.elements);
  return set;
}

NftChain parse_chain_object(const Json& object) {
  NftChain chain{.name = text_of(object, "name"), .hook = {}, .rules = {}};
  // Chains of masq have the policy "accept".
  const auto type = text_of(object, "type");
  if (!type.empty())
    chain.hook = NftChain::Hook{text_of(object, "policy") == "accept" ? type : type + " with another policy",
                                text_of(object, "hook"), object.value("prio", 0)};
  return chain;
}

void add_rule_object(NftTable& table, const Json& object) {
  const auto chain = std::ranges::find(table.chains, text_of(object, "chain"), &NftChain::name);
  if (chain != table.chains.end()) chain->rules.push_back({.text = {}, .comment = text_of(object, "comment")});
}

void add_object(NftTable& table, const Json& object) {
  if (const auto found = object.find("counter"); found != object.end())
    table.counters.push_back(text_of(*found, "name"));
  else if (const auto set = object.find("set"); set != object.end())
    table.sets.push_back(parse_set_object(*set));
  else if (const auto chain = object.find("chain"); chain != object.end())
    table.chains.push_back(parse_chain_object(*chain));
  else if (const auto rule = object.find("rule"); rule != object.end())
    add_rule_object(table, *rule);
  else if (!object.contains("metainfo") && !object.contains("table"))
    table.counters.emplace_back("foreign object");
}

Result<Json> objects_of(const std::string& text) {
  const auto document = Json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("nftables")) return fail("nftables: invalid listing: {:.80}", text);
  return document["nftables"];
}

}  // namespace

Result<std::optional<NftTable>> parse_table(const std::string& json) try {
  TRY(const auto objects, objects_of(json));
  std::optional<NftTable> table;
  for (const auto& object : objects) {
    if (const auto found = object.find("table"); found != object.end() && !table) {
      table.emplace();
      table->name = text_of(*found, "name");
    } else if (table) {
      add_object(*table, object);
    }
  }
  if (table) sort_parts(*table);
  return table;
} catch (const Json::exception& error) {
  return fail("nftables: unexpected listing: {}", error.what());
}

Result<std::map<std::string, std::uint64_t>> parse_counters(const std::string& json) try {
  TRY(const auto objects, objects_of(json));
  std::map<std::string, std::uint64_t> packets;
  for (const auto& object : objects)
    if (const auto found = object.find("counter"); found != object.end())
      packets[text_of(*found, "name")] = found->value("packets", std::uint64_t{0});
  return packets;
} catch (const Json::exception& error) {
  return fail("nftables: unexpected listing: {}", error.what());
}

Result<std::vector<std::string>> parse_set(const std::string& json) try {
  TRY(const auto objects, objects_of(json));
  for (const auto& object : objects)
    if (const auto found = object.find("set"); found != object.end()) return parse_set_object(*found).elements;
  return std::vector<std::string>();
} catch (const Json::exception& error) {
  return fail("nftables: unexpected listing: {}", error.what());
}

}  // namespace masq::nftables
