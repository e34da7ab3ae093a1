// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "datapath/netfilter/nft.hpp"
#include "datapath/nftables/guard.hpp"
#include "model/desired.hpp"

namespace masq::nftables {

// As has_table().
using TableQuery = std::function<Result<bool>(const std::string& name)>;
using ListNft = std::function<Result<std::string>(const std::string& command, netfilter::Nft::Form form)>;

// The machine as the nftables datapath uses it: the program nft, as Nft, a socket that owns the guard table, and
// conntrack.
struct Machine {
  std::function<Result<void>(const std::string& commands)> run;
  std::function<Result<void>(const std::string& commands)> check;
  ListNft list;
  TableQuery has_table;
  // As GuardTable. guard_has_owner: the guard is as it was written, and ends with this process.
  std::function<Result<void>(const Guard& guard)> write_guard;
  std::function<Result<void>(const Guard& guard)> check_guard;
  std::function<void()> release_guard;
  bool guard_has_owner = true;
  std::function<Result<std::size_t>(const Desired& desired)> mend_connections;

  static Result<Machine> open();
};

}  // namespace masq::nftables
