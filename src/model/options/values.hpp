// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/cidr.hpp"
#include "base/port_range.hpp"
#include "base/result.hpp"

// Text of an option -> value. Every error quotes the text and says what is accepted.
namespace masq::values {

using Texts = std::span<const std::string>;

// The words of all texts, which commas and blanks separate.
std::vector<std::string> words(Texts texts);
// The only text, without blanks around it; more or fewer are an error.
Result<std::string> one(Texts texts);

Result<bool> boolean(Texts texts);
// The index of the only text among `accepted`, which blanks separate.
Result<std::size_t> choice(Texts texts, std::string_view accepted);
Result<std::uint32_t> number(Texts texts, std::uint32_t low, std::uint32_t high);
Result<std::chrono::seconds> duration(Texts texts, std::chrono::seconds low, std::chrono::seconds high);
Result<std::vector<Address>> addresses(Texts texts);
Result<std::vector<Cidr>> cidrs(Texts texts, Family family);
Result<std::vector<PortRange>> port_ranges(Texts texts);
// "30000-32767", or "30000,32767" as Cilium writes it.
Result<PortRange> port_range(Texts texts);
// Names of devices; a '+' at the end stands for any rest.
Result<std::vector<std::string>> device_patterns(Texts texts);
// A path that fits into `longest` bytes.
Result<std::string> path(Texts texts, std::size_t longest);
// ":9965", "127.0.0.1:9965", "[::1]:9965"; "off" and nothing are the empty string.
Result<std::string> listen_address(Texts texts);

}  // namespace masq::values
