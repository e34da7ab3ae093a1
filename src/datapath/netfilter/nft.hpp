// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"

struct nft_ctx;

namespace masq::netfilter {

// The tables of masq, of the family inet.
inline constexpr const char* nft_table_name = "masq";
inline constexpr const char* nft_guard_name = "masq-guard";

// libnftables with its own netlink socket: for masq's tables, and for those that the nft variant of iptables makes.
// Tables that it owns exist as long as this object.
class Nft {
 public:
  static Result<Nft> open();

  // Executes one transaction; a failure changes nothing. The error is libnftables' first line.
  Result<void> run(const std::string& commands);
  // Checks whether the kernel accepts the transaction; changes nothing.
  Result<void> check(const std::string& commands);
  // Output of "list table inet masq" and similar commands. terse: JSON without the elements of sets; rules: text with
  // handles, without counters. "list counters" and "list tables" read the rules of all tables: avoid them.
  enum class Form : std::uint8_t { text, json, terse, rules };
  static Result<std::string> list(const std::string& command, Form form = Form::json);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  explicit Nft(nft_ctx* context) : context_(context) {}

  std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace masq::netfilter
