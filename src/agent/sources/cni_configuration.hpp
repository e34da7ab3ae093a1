// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/cidr.hpp"
#include "base/result.hpp"

namespace masq::agent {

// Returns the subnets of a CNI network configuration (.conf, .json) or list of them (.conflist): `ipam.subnet` and
// `ipam.ranges[][].subnet`, sorted, without duplicates. A configuration whose IPAM has no subnets is no error.
Result<std::vector<Cidr>> parse_cni_configuration(std::string_view text);

// Returns the file that container runtimes use: lexically the first .conf, .conflist or .json of the directory. Returns
// nullopt if there is none, or no directory.
Result<std::optional<std::filesystem::path>> find_cni_configuration(const std::filesystem::path& directory);

}  // namespace masq::agent
