// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/nftables/nft_table.hpp"

struct nft_ctx;

namespace masq {

// libnftables with a netlink socket of its own. Tables that it made as their owner live as long as it does.
class Nft {
 public:
  static Result<Nft> open();

  // One transaction; when it fails nothing is changed. The error is libnftables' first line.
  Result<void> run(const std::string& commands);
  // The kernel says whether it would do it; nothing is changed.
  Result<void> check(const std::string& commands);
  // "list table inet masq" and the like.
  enum class Form : std::uint8_t { text, json };
  static Result<std::string> list(const std::string& command, Form form = Form::json);
  // Is there such a table of the family inet?
  static Result<bool> has_table(const std::string& name);
  // Absent: there is no such table.
  static Result<std::optional<NftTable>> read_table(const std::string& name);
  // The elements of a set of ours, sorted; none when there is no such set.
  static Result<std::vector<std::string>> read_set(const std::string& table, const std::string& set);
  // The packets of each named counter.
  static Result<std::map<std::string, std::uint64_t>> read_counters(const std::string& table);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  explicit Nft(nft_ctx* context) : context_(context) {}

  std::unique_ptr<nft_ctx, Free> context_;
};

// The first table of a document that `nft -j list` printed; absent: it has none. The rest of it is left out where
// NftTable has no place for it.
Result<std::optional<NftTable>> parse_table(const std::string& json);
Result<std::map<std::string, std::uint64_t>> parse_counters(const std::string& json);
// The elements of the first set of such a document.
Result<std::vector<std::string>> parse_set(const std::string& json);

}  // namespace masq
