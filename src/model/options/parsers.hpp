// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "model/options/options.hpp"
#include "model/options/values.hpp"

// Text of an option -> value of a member of Config: the column `access` of the table.
namespace masq::parsers {

using Texts = OptionSpec::Texts;

// PARSE returns the value of the member at PATH.
template <auto parse, auto... path>
inline constexpr OptionSpec::Access member = {
    .parse = [](ConfigDraft& draft, Texts texts, const OptionSpec& option) -> Result<void> {
      TRY(auto value, parse(texts, option));
      (draft.config.*....*path) = std::move(value);
      return {};
    },
    .equal = [](const Config& a, const Config& b) { return (a.*....*path) == (b.*....*path); },
    .copy = [](Config& to, const Config& from) { (to.*....*path) = (from.*....*path); },
};

// finish_config() merges it into `datapath`.
inline constexpr OptionSpec::Access bpf_masquerade = {
    .parse = [](ConfigDraft& draft, Texts texts, const OptionSpec&) -> Result<void> {
      TRY(draft.enable_bpf_masquerade, values::boolean(texts));
      return {};
    },
    .equal = [](const Config&, const Config&) { return true; },
    .copy = [](Config&, const Config&) {},
};

// "auto" and an empty text mean no value.
inline bool is_auto(Texts texts) {
  const auto words = values::words(texts);
  return words.empty() || (words.size() == 1 && words.front() == "auto");
}

// The same as `parse`, but absent for "auto".
template <auto parse>
auto or_auto(Texts texts, const OptionSpec& option)
    -> Result<std::optional<typename decltype(parse(texts, option))::value_type>> {
  if (is_auto(texts)) return std::nullopt;
  TRY(auto value, parse(texts, option));
  return value;
}

inline Result<bool> boolean(Texts texts, const OptionSpec&) {
  return values::boolean(texts);
}

inline Result<std::uint32_t> number(Texts texts, const OptionSpec& option) {
  return values::number(texts, option.range.low, option.range.high);
}
inline constexpr auto number_or_auto = or_auto<number>;

inline Result<std::chrono::seconds> duration(Texts texts, const OptionSpec& option) {
  return values::duration(texts, std::chrono::seconds(option.range.low), std::chrono::seconds(option.range.high));
}

inline Result<std::vector<Address>> addresses(Texts texts, const OptionSpec&) {
  return values::addresses(texts);
}

template <Family family>
Result<std::vector<Cidr>> cidrs(Texts texts, const OptionSpec&) {
  return values::cidrs(texts, family);
}
template <Family family>
Result<std::vector<Cidr>> pod_cidrs(Texts texts, const OptionSpec&) {
  return values::pod_cidrs(texts, family);
}
template <Family family>
inline constexpr auto pod_cidrs_or_auto = or_auto<pod_cidrs<family>>;

inline Result<std::vector<PortRange>> port_ranges(Texts texts, const OptionSpec&) {
  return values::port_ranges(texts);
}
inline constexpr auto port_ranges_or_auto = or_auto<port_ranges>;

inline Result<PortRange> port_range(Texts texts, const OptionSpec&) {
  return values::port_range(texts);
}

inline Result<std::vector<std::string>> devices(Texts texts, const OptionSpec&) {
  return values::device_patterns(texts);
}

inline Result<std::string> text(Texts texts, const OptionSpec&) {
  return values::one(texts);
}

template <std::size_t max_length>
Result<std::string> path(Texts texts, const OptionSpec&) {
  return values::path(texts, max_length);
}

inline Result<std::string> object_name(Texts texts, const OptionSpec&) {
  return values::object_name(texts);
}

inline Result<std::vector<std::string>> listen_addresses(Texts texts, const OptionSpec&) {
  return values::listen_addresses(texts);
}

// The enumerators of an option's `values`, in their order.
inline constexpr DatapathKind datapaths[] = {DatapathKind::automatic, DatapathKind::bpf, DatapathKind::nftables,
                                             DatapathKind::iptables};
inline constexpr Toggle toggles[] = {Toggle::automatic, Toggle::on, Toggle::off};
inline constexpr LogLevel log_levels[] = {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error};
inline constexpr LogFormat log_formats[] = {LogFormat::text, LogFormat::json};

template <const auto& enumerators>
auto choice(Texts texts, const OptionSpec& option) -> Result<std::remove_cvref_t<decltype(enumerators[0])>> {
  TRY(const auto index, values::choice(texts, option.values));
  return enumerators[index];
}

}  // namespace masq::parsers
