// SPDX-License-Identifier: Apache-2.0
// Converts the output of `nft -j list`: libnftables-json(5).
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/address_range.hpp"
#include "base/result.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/nft_reader.hpp"
#include "datapath/nftables/nft_table.hpp"
#include "os/process.hpp"

namespace masq::nftables {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return 0;
  if (found->is_number_float()) throw std::out_of_range(fmt::format("{} is no integer", key));
  return found->get<std::int64_t>();
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
  if (element.is_number_unsigned()) return std::to_string(element.get<std::uint64_t>());
  if (const auto found = element.find("elem"); found != element.end()) return element_text(found->at("val"));
  if (const auto found = element.find("prefix"); found != element.end())
    return fmt::format("{}/{}", text_of(*found, "addr"), number_of(*found, "len"));
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
                                text_of(object, "hook"), static_cast<int>(number_of(object, "prio"))};
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
  if (netfilter::is_nested_too_deeply(text)) return fail("nftables: invalid listing: too many parts inside each other");
  auto document = Json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("nftables") || !document["nftables"].is_array())
    return fail("nftables: invalid listing: \"{}\"", os::first_line(text.substr(0, 80)));
  return std::move(document["nftables"]);
}

// A listing with members of other types is an error like any invalid one.
template <class Parsed>
Result<Parsed> parse_listing(const std::string& text, Parsed (*parse)(const Json& objects)) {
  TRY(const auto objects, objects_of(text));
  try {
    return parse(objects);
  } catch (const std::exception& error) {
    return fail("nftables: invalid listing: {}", os::first_line(error.what()));
  }
}

std::optional<NftTable> table_in(const Json& objects) {
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
}

std::map<std::string, std::uint64_t> counters_in(const Json& objects) {
  std::map<std::string, std::uint64_t> packets;
  for (const auto& object : objects)
    if (const auto found = object.find("counter"); found != object.end())
      packets[text_of(*found, "name")] = static_cast<std::uint64_t>(number_of(*found, "packets"));
  return packets;
}

std::vector<std::string> elements_in(const Json& objects) {
  for (const auto& object : objects)
    if (const auto found = object.find("set"); found != object.end()) return parse_set_object(*found).elements;
  return {};
}

}  // namespace

Result<std::optional<NftTable>> parse_table(const std::string& json) {
  return parse_listing(json, table_in);
}

Result<std::map<std::string, std::uint64_t>> parse_counters(const std::string& json) {
  return parse_listing(json, counters_in);
}

Result<std::vector<std::string>> parse_set(const std::string& json) {
  return parse_listing(json, elements_in);
}

}  // namespace masq::nftables
