// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "kubernetes/access.hpp"

namespace masq::kubernetes {

// Reads the current context of a kubeconfig. A relative path in it starts at `folder`. Fails for what masqd does not
// do: an exec plugin, an auth provider, a user with a password; the error has the line.
Result<Access> parse_kubeconfig(std::string_view text, const std::filesystem::path& folder);

// The same for a file.
Result<Access> read_kubeconfig(const std::filesystem::path& path);

}  // namespace masq::kubernetes
