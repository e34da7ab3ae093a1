// SPDX-License-Identifier: Apache-2.0
// What an API server sends, a kubeconfig, and what masqd kept of both.
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/sources/cluster_nodes.hpp"
#include "base/result.hpp"
#include "kubernetes/access.hpp"
#include "kubernetes/json_splitter.hpp"
#include "kubernetes/kubeconfig.hpp"
#include "target.hpp"

namespace masq::fuzz {
namespace {

using kubernetes::JsonSplitter;

std::vector<std::string> split(JsonSplitter::Form form, std::string_view text, std::size_t piece) {
  std::vector<std::string> objects;
  JsonSplitter splitter(form, [&](std::string_view object) -> Result<void> {
    objects.emplace_back(object);
    return {};
  });
  for (std::size_t at = 0; at < text.size(); at += piece)
    if (!splitter.feed(text.substr(at, piece))) return objects;
  if (const auto rest = splitter.finish(); rest && form == JsonSplitter::Form::list) objects.push_back(*rest);
  return objects;
}

void check_split(JsonSplitter::Form form, std::string_view text) {
  const auto objects = split(form, text, text.size() + 1);
  require(objects == split(form, text, 1), "the borders of pieces do not matter");
  for (const auto& object : objects) {
    const auto parsed = nlohmann::json::parse(object, nullptr, false);
    if (parsed.is_object()) agent::parse_node(parsed);
  }
  // A whole list is split into all of its items.
  const auto whole = nlohmann::json::parse(text, nullptr, false);
  if (form != JsonSplitter::Form::list || !whole.is_object() || whole.size() != 1 || !whole.contains("items")) return;
  if (objects.empty() || !whole["items"].is_array()) return;
  for (const auto& item : whole["items"])
    if (!item.is_object()) return;
  if (text.contains("\"items\"")) require(objects.size() == whole["items"].size() + 1, "no item is lost");
}

}  // namespace

void fuzz_kubernetes(Input input) {
  const auto text = text_of(input);
  check_split(JsonSplitter::Form::list, text);
  check_split(JsonSplitter::Form::stream, text);
  (void)kubernetes::parse_kubeconfig(text, "/etc");
  if (const auto server = kubernetes::parse_server(text))
    require(kubernetes::parse_server(*server) == *server, "a parsed server is one");
  if (const auto saved = agent::parse_saved_nodes(text)) {
    const auto again = agent::parse_saved_nodes(agent::to_text(*saved));
    require(again && again->nodes == saved->nodes, "what is saved is read again");
  }
}

}  // namespace masq::fuzz
