// SPDX-License-Identifier: Apache-2.0
#include "base/edit_distance.hpp"

#include <gtest/gtest.h>

namespace masq {
namespace {

TEST(EditDistance, CountsLetters) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("masqlinklocal", "masqlinklocal"), 0u);
  EXPECT_EQ(edit_distance("masqlinklokal", "masqlinklocal"), 1u);
  EXPECT_EQ(edit_distance("nonmasqueradecidr", "nonmasqueradecidrs"), 1u);
  EXPECT_EQ(edit_distance("nonmasqueradcidsr", "nonmasqueradecidrs"), 3u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace masq
