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

// Text of an option -> value. Every error quotes the text and names the accepted values.
namespace masq::values {

using Texts = std::span<const std::string>;

// Splits all texts at commas and blanks.
std::vector<std::string> words(Texts texts);
// Returns the only text, without surrounding blanks. Fails unless there is exactly one.
Result<std::string> one(Texts texts);

Result<bool> boolean(Texts texts);
// Returns the index of the only text in `accepted`, which is separated by blanks.
Result<std::size_t> choice(Texts texts, std::string_view accepted);
Result<std::uint32_t> number(Texts texts, std::uint32_t low, std::uint32_t high);
Result<std::chrono::seconds> duration(Texts texts, std::chrono::seconds low, std::chrono::seconds high);
Result<std::vector<Address>> addresses(Texts texts);
Result<std::vector<Cidr>> cidrs(Texts texts, Family family);
// The same without 0.0.0.0/0 and ::/0.
Result<std::vector<Cidr>> pod_cidrs(Texts texts, Family family);
Result<std::vector<PortRange>> port_ranges(Texts texts);
// "30000-32767", or "30000,32767" as Cilium writes it.
Result<PortRange> port_range(Texts texts);
// Names of devices; a '+' at the end matches any suffix.
Result<std::vector<std::string>> device_patterns(Texts texts);
// A path of at most `longest` bytes.
Result<std::string> path(Texts texts, std::size_t longest);
// "NAMESPACE/NAME" of an object of Kubernetes; an empty text gives the empty string.
Result<std::string> object_name(Texts texts);
// ":9965", "127.0.0.1:9965", "[::1]:9965", "[127.0.0.1]:9965"; "off" gives none.
Result<std::vector<std::string>> listen_addresses(Texts texts);

}  // namespace masq::values
