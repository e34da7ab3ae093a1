// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/nft.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "os/process.hpp"

namespace masq::netfilter {
namespace {

std::string error_of(int status, const std::string& output) {
  return nft_output({.status = status, .out = "", .err = output}).error().message;
}

TEST(Nft, ItsErrorIsOneLineOfPrintableText) {
  EXPECT_EQ(nft_output({.status = 0, .out = "table inet masq\n", .err = "Warning: old"}).value(), "table inet masq\n");
  EXPECT_EQ(error_of(1, "/dev/stdin:3:1-9: Error: Could not process rule: File exists\nadd table\n^^^\n"),
            "nftables: Could not process rule: File exists");
  EXPECT_EQ(error_of(1, "netlink: \xff\xfe\x1b[31m x\xc3\xa9\nmore"), "nftables: netlink: ???[31m x??");
  EXPECT_EQ(error_of(1, ""), "nft: exit 1");
  EXPECT_EQ(error_of(139, ""), "nft: exit 139");
}

TEST(Nft, AMissingProgramIsNamed) {
  const std::string before = std::getenv("PATH");
  setenv("PATH", "/nonexistent", 1);
  EXPECT_EQ(Nft::run("table inet masq").error().message, "nft: not found in PATH");
  EXPECT_EQ(Nft::list("list table inet masq").error().message, "nft: not found in PATH");
  setenv("PATH", before.c_str(), 1);
}

}  // namespace
}  // namespace masq::netfilter
