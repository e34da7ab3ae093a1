// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/cni_configuration.hpp"

#include <algorithm>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "base/cidr.hpp"
#include "base/json_members.hpp"
#include "base/result.hpp"

namespace masq::agent {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_subnets = 1024;

// Other programs replace "usePodCidr" and similar values at run time.
Result<void> add_subnet(const Json& value, std::set<Cidr>& subnets) {
  if (!value.is_string() || !value.get_ref<const std::string&>().contains('/')) return {};
  auto subnet = Cidr::parse(value.get_ref<const std::string&>());
  if (!subnet) return fail_with("ipam.subnet", subnet.error());
  if (subnets.size() == max_subnets) return fail("ipam: more than {} subnets", max_subnets);
  subnets.insert(*subnet);
  return {};
}

Result<void> add_ipam(const Json& ipam, std::set<Cidr>& subnets) {
  TRY_DO(add_subnet(member_of(ipam, "subnet"), subnets));
  for (const auto& set : member_of(ipam, "ranges"))
    for (const auto& range : set) TRY_DO(add_subnet(member_of(range, "subnet"), subnets));
  return {};
}

}  // namespace

Result<std::vector<Cidr>> parse_cni_configuration(std::string_view text) {
  const auto document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return fail("not a JSON object");
  std::set<Cidr> subnets;
  TRY_DO(add_ipam(member_of(document, "ipam"), subnets));
  for (const auto& plugin : member_of(document, "plugins")) TRY_DO(add_ipam(member_of(plugin, "ipam"), subnets));
  return std::vector<Cidr>(subnets.begin(), subnets.end());
}

Result<std::optional<std::filesystem::path>> find_cni_configuration(const std::filesystem::path& directory) {
  static constexpr std::string_view extensions[] = {".conf", ".conflist", ".json"};
  std::optional<std::filesystem::path> first;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return first;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto& path = entry->path();
    if (std::ranges::find(extensions, path.extension().string()) == std::end(extensions)) continue;
    if (!first || path.filename() < first->filename()) first = path;
  }
  if (error) return fail("{}: {}", directory.string(), error.message());
  return first;
}

}  // namespace masq::agent
