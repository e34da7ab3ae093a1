// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/cluster_nodes.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/json_members.hpp"
#include "base/result.hpp"

namespace masq::agent {
namespace {

using Json = nlohmann::json;

constexpr int saved_format = 1;

template <class T>
void add_parsed(std::vector<T>& values, const Json& text) {
  const auto value = T::parse(text_or_empty(text));
  if (value && std::ranges::find(values, *value) == values.end()) values.push_back(*value);
}

template <class T>
std::vector<T> all_parsed(const Json& texts) {
  std::vector<T> values;
  if (texts.is_array())
    for (const auto& text : texts) add_parsed(values, text);
  return values;
}

template <class T>
Json texts(const std::vector<T>& values) {
  auto list = Json::array();
  for (const auto& value : values) list.push_back(value.to_string());
  return list;
}

}  // namespace

Result<std::string> name_of(const nlohmann::json& object) {
  auto name = text_or_empty(member_of(member_of(object, "metadata"), "name"));
  if (name.empty()) return fail("an object without metadata.name");
  return name;
}

ClusterNode parse_node(const nlohmann::json& object) {
  ClusterNode node;
  const auto& spec = member_of(object, "spec");
  node.pod_cidrs = all_parsed<Cidr>(member_of(spec, "podCIDRs"));
  if (node.pod_cidrs.empty()) add_parsed(node.pod_cidrs, member_of(spec, "podCIDR"));
  const auto& addresses = member_of(member_of(object, "status"), "addresses");
  if (!addresses.is_array()) return node;
  for (const auto& address : addresses)
    if (const auto type = text_or_empty(member_of(address, "type")); type == "InternalIP" || type == "ExternalIP")
      add_parsed(node.addresses, member_of(address, "address"));
  return node;
}

std::string to_text(const SavedNodes& saved) {
  auto nodes = Json::object();
  for (const auto& [name, node] : saved.nodes)
    nodes[name] = {{"podCIDRs", texts(node.pod_cidrs)}, {"addresses", texts(node.addresses)}};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(saved.read_at.time_since_epoch()).count();
  return Json({{"format", saved_format}, {"readAt", seconds}, {"nodes", std::move(nodes)}}).dump() + "\n";
}

Result<SavedNodes> parse_saved_nodes(std::string_view text) {
  const auto saved = Json::parse(text, nullptr, false);
  const auto& read_at = member_of(saved, "readAt");
  if (member_of(saved, "format") != saved_format || !read_at.is_number_integer() ||
      !member_of(saved, "nodes").is_object())
    return fail("not the nodes that this version of masqd saves");
  SavedNodes found;
  found.read_at = std::chrono::system_clock::time_point(std::chrono::seconds(read_at.get<std::int64_t>()));
  for (const auto& [name, node] : member_of(saved, "nodes").items())
    found.nodes[name] = {.pod_cidrs = all_parsed<Cidr>(member_of(node, "podCIDRs")),
                         .addresses = all_parsed<Address>(member_of(node, "addresses"))};
  return found;
}

bool ListDoubt::is_believed(const ClusterNodes& known, const ClusterNodes& listed, Clock::time_point now) {
  std::set<std::string> missing;
  for (const auto& [name, node] : known)
    if (!listed.contains(name)) missing.insert(name);
  const bool is_odd = (listed.empty() && !known.empty()) || (known.size() > few && missing.size() * 2 >= known.size());
  if (missing_.empty()) since_ = now;
  const bool is_confirmed = std::ranges::includes(missing_, missing) || now - since_ >= believe_after;
  if (!is_odd || is_confirmed) {
    missing_.clear();
    return true;
  }
  missing_ = std::move(missing);
  return false;
}

}  // namespace masq::agent
