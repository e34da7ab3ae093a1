// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "datapath/netfilter/nft.hpp"
#include "model/desired.hpp"

namespace masq::nftables {

using ListNft = std::function<Result<std::string>(const std::string& command, netfilter::Nft::Form form)>;

// The machine as the nftables datapath uses it: one libnftables, as Nft, and conntrack.
struct Machine {
  std::function<Result<void>(const std::string& commands)> run;
  std::function<Result<void>(const std::string& commands)> check;
  ListNft list;
  std::function<Result<std::size_t>(const Desired& desired)> mend_connections;
};

}  // namespace masq::nftables
