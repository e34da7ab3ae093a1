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

// libnftables with its own netlink socket. Tables that it owns exist as long as this object.
class Nft {
 public:
  static Result<Nft> open();

  // Executes one transaction; a failure changes nothing. The error is libnftables' first line.
  Result<void> run(const std::string& commands);
  // Checks whether the kernel accepts the transaction; changes nothing.
  Result<void> check(const std::string& commands);
  // Output of "list table inet masq" and similar commands.
  enum class Form : std::uint8_t { text, json };
  static Result<std::string> list(const std::string& command, Form form = Form::json);
  // Returns true if a table of the family inet with this name exists.
  static Result<bool> has_table(const std::string& name);
  // Returns nullopt if there is no such table.
  static Result<std::optional<NftTable>> read_table(const std::string& name);
  // Returns the sorted elements of a set of masq; empty if there is no such set.
  static Result<std::vector<std::string>> read_set(const std::string& table, const std::string& set);
  // Returns the packets of each named counter.
  static Result<std::map<std::string, std::uint64_t>> read_counters(const std::string& table);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  explicit Nft(nft_ctx* context) : context_(context) {}

  std::unique_ptr<nft_ctx, Free> context_;
};

// Returns the first table of a document of `nft -j list`, or nullopt if it has none. Properties without a member in
// NftTable are omitted.
Result<std::optional<NftTable>> parse_table(const std::string& json);
Result<std::map<std::string, std::uint64_t>> parse_counters(const std::string& json);
// Returns the elements of the first set of such a document.
Result<std::vector<std::string>> parse_set(const std::string& json);

}  // namespace masq
