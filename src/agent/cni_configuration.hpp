// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"

namespace masq {

// The subnets that a CNI network configuration (.conf, .json) or list of them (.conflist) hands out: `ipam.subnet` and
// `ipam.ranges[][].subnet`, sorted, each once. A configuration whose IPAM has none is no error.
Result<std::vector<Cidr>> parse_cni_configuration(std::string_view text);

// The file that container runtimes would take: lexically the first .conf, .conflist or .json of the directory. None
// when there is none, or no directory.
Result<std::optional<std::filesystem::path>> find_cni_configuration(const std::filesystem::path& directory);

}  // namespace masq
