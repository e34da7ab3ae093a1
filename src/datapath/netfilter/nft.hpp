// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/process.hpp"

namespace masq::netfilter {

// The tables of masq, of the family inet.
inline constexpr const char* nft_table_name = "masq";
inline constexpr const char* nft_guard_name = "masq-guard";

// The program nft: for masq's table, and for those that the nft variant of iptables makes. Each run has a process of
// its own and a deadline.
class Nft {
 public:
  // Returns an error if PATH has no nft.
  static Result<void> find();
  // Executes one transaction; a failure changes nothing. The error is nft's first line.
  static Result<void> run(const std::string& commands);
  // Checks whether the kernel accepts the transaction; changes nothing.
  static Result<void> check(const std::string& commands);
  // Output of "list table inet masq" and similar commands. terse: JSON without the elements of sets; rules: text with
  // handles, without counters. "list counters" and "list tables" read the rules of all tables: avoid them.
  enum class Form : std::uint8_t { json, terse, rules };
  static Result<std::string> list(const std::string& command, Form form = Form::json);
};

// Returns the output of a run, or its first line of error without the place in the commands.
Result<std::string> nft_output(os::ProgramEnd end);

// Returns true if a text in JSON has more parts inside each other than a listing of nft. Such a value must not be
// parsed: each copy of it needs as many calls inside each other.
bool is_nested_too_deeply(std::string_view json);

}  // namespace masq::netfilter
