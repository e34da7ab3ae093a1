// SPDX-License-Identifier: Apache-2.0
#include "model/options/values.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/duration.hpp"
#include "base/port_range.hpp"
#include "base/result.hpp"

namespace masq::values {
namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view separators = ", \t\r\n";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The kernel's rule for alternative names (dev_valid_name, ALTIFNAMSIZ), with an optional '+' at the end.
bool is_device_pattern(std::string_view text) {
  constexpr std::size_t max_name_length = 127;
  if (text.ends_with('+'))
    text.remove_suffix(1);
  else if (text.empty() || text == "." || text == "..")
    return false;
  return text.size() <= max_name_length && text.find_first_of("/:") == text.npos;
}

constexpr std::size_t max_label = 63;
constexpr std::size_t max_name = 253;

bool is_name(std::string_view text, std::size_t longest, std::string_view inner) {
  const auto is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= longest && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return is_alphanumeric(c) || inner.contains(c); });
}

// Brackets may also be around an IPv4 address: in Kubernetes the family of $(HOST_IP) is not known beforehand.
bool is_host(std::string_view host) {
  if (host.empty()) return true;
  if (!host.starts_with('[')) return !host.contains(':') && Address::parse(host).has_value();
  return host.ends_with(']') && Address::parse(host.substr(1, host.size() - 2)).has_value();
}

}  // namespace

std::vector<std::string> words(Texts texts) {
  std::vector<std::string> found;
  for (std::string_view text : texts) {
    for (auto first = text.find_first_not_of(separators); first != text.npos;
         first = text.find_first_not_of(separators)) {
      text.remove_prefix(first);
      found.emplace_back(text.substr(0, text.find_first_of(separators)));
      text.remove_prefix(found.back().size());
    }
  }
  return found;
}

Result<std::string> one(Texts texts) {
  if (texts.size() != 1) return fail("given {} times: one value is expected", texts.size());
  return std::string(trim(texts.front()));
}

Result<std::size_t> choice(Texts texts, std::string_view accepted) {
  TRY(const auto text, one(texts));
  const std::string all(accepted);
  const auto names = words({&all, 1});
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) return fail("{:?}: one of {} is expected", text, fmt::join(names, ", "));
  return static_cast<std::size_t>(found - names.begin());
}

Result<bool> boolean(Texts texts) {
  TRY(const auto text, one(texts));
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return fail("{:?}: true or false is expected", text);
}

Result<std::uint32_t> number(Texts texts, std::uint32_t low, std::uint32_t high) {
  TRY(const auto text, one(texts));
  std::uint32_t value = 0;
  const char* const past_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), past_end, value);
  if (error != std::errc() || end != past_end || value < low || value > high)
    return fail("{:?}: a number from {} to {} is expected", text, low, high);
  return value;
}

Result<std::chrono::seconds> duration(Texts texts, std::chrono::seconds low, std::chrono::seconds high) {
  TRY(const auto text, one(texts));
  const auto value = parse_duration(text);
  if (!value) return value;
  if (*value < low || *value > high)
    return fail("{:?}: a duration from {} to {} is expected", text, format_duration(low), format_duration(high));
  return value;
}

Result<std::vector<Address>> addresses(Texts texts) {
  std::vector<Address> found;
  for (const auto& word : words(texts)) {
    TRY(const auto address, Address::parse(word));
    if (address.is_unspecified() || address.is_loopback() || address.is_multicast())
      return fail("{:?}: a unicast address is expected that other machines can reach", word);
    if (std::ranges::find(found, address) == found.end()) found.push_back(address);
  }
  return found;
}

Result<std::vector<Cidr>> cidrs(Texts texts, Family family) {
  std::vector<Cidr> found;
  for (const auto& word : words(texts)) {
    const auto cidr = Cidr::parse(word);
    if (!cidr || cidr->family() != family)
      return fail("{:?}: an {} is expected", word,
                  family == Family::ipv4 ? "IPv4 CIDR such as 10.0.0.0/16" : "IPv6 CIDR such as fd00::/104");
    found.push_back(*cidr);
  }
  return found;
}

// All addresses as pods would masquerade the node's own packets and everything that it forwards.
Result<std::vector<Cidr>> pod_cidrs(Texts texts, Family family) {
  TRY(auto found, cidrs(texts, family));
  for (const auto& cidr : found)
    if (cidr.length() == 0) return fail("{:?}: the prefixes of pods are expected, not all addresses", cidr.to_string());
  return found;
}

Result<std::vector<PortRange>> port_ranges(Texts texts) {
  std::vector<PortRange> found;
  for (const auto& word : words(texts)) {
    TRY(const auto range, PortRange::parse(word));
    found.push_back(range);
  }
  return normalise(std::move(found));
}

Result<PortRange> port_range(Texts texts) {
  TRY(auto text, one(texts));
  const auto written = text;
  std::ranges::replace(text, ',', '-');
  const auto range = PortRange::parse(text);
  if (!range) return fail("{:?}: a range of ports is expected, such as 30000-32767", written);
  return range;
}

Result<std::vector<std::string>> device_patterns(Texts texts) {
  auto found = words(texts);
  for (const auto& word : found)
    if (!is_device_pattern(word))
      return fail("{:?}: a device is expected, such as eth0, or eth+ for every name that begins with eth", word);
  return found;
}

Result<std::string> path(Texts texts, std::size_t longest) {
  const auto text = one(texts);
  if (!text) return text;
  if (text->empty() || text->size() > longest || text->contains('\0'))
    return fail("{:?}: a path of 1 to {} bytes is expected", *text, longest);
  return text;
}

// The names of RFC 1123: labels, which in the name of an object may be joined by dots.
Result<std::string> object_name(Texts texts) {
  auto text = one(texts);
  if (!text || text->empty()) return text;
  const auto slash = text->find('/');
  const auto name = slash == text->npos ? "" : std::string_view(*text).substr(slash + 1);
  if (!is_name(std::string_view(*text).substr(0, slash), max_label, "-") || !is_name(name, max_name, "-."))
    return fail("{:?}: NAMESPACE/NAME of an object is expected, such as kube-system/ip-masq-agent", *text);
  return text;
}

Result<std::vector<std::string>> listen_addresses(Texts texts) {
  std::vector<std::string> found;
  for (const auto& word : words(texts)) {
    if (word == "off") continue;
    const auto colon = word.rfind(':');
    const auto port = colon == word.npos ? "" : word.substr(colon + 1);
    if (!is_host(std::string_view(word).substr(0, colon)) || port.contains('-') || !PortRange::parse(port))
      return fail("{:?}: off or an address to listen on is expected, such as :9965, 127.0.0.1:9965 or [::1]:9965",
                  word);
    if (std::ranges::find(found, word) == found.end()) found.push_back(word);
  }
  return found;
}

}  // namespace masq::values
