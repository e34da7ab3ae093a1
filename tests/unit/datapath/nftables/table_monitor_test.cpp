// SPDX-License-Identifier: Apache-2.0
#include "datapath/nftables/table_monitor.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace masq::nftables {
namespace {

TEST(GenerationCheck, AnEventOfEachGenerationIsNoLoss) {
  GenerationCheck check;
  EXPECT_FALSE(check.misses_event(7));
  EXPECT_FALSE(check.misses_event(7)) << "no change";
  EXPECT_FALSE(check.misses_event(9)) << "the event may be on its way";
  check.note_event(9);
  EXPECT_FALSE(check.misses_event(9));
  check.note_event(12);
  EXPECT_FALSE(check.misses_event(11)) << "the event was the first";
  EXPECT_FALSE(check.misses_event(12));
}

TEST(GenerationCheck, AGenerationWithoutAnEventIsALossOnce) {
  GenerationCheck check;
  EXPECT_FALSE(check.misses_event(7));
  EXPECT_FALSE(check.misses_event(8));
  EXPECT_TRUE(check.misses_event(8));
  EXPECT_FALSE(check.misses_event(8));
  check.note_event(9);
  EXPECT_FALSE(check.misses_event(9));
}

TEST(GenerationCheck, GenerationsWrapAround) {
  GenerationCheck check;
  EXPECT_FALSE(check.misses_event(UINT32_MAX));
  check.note_event(2);
  EXPECT_FALSE(check.misses_event(2));
  EXPECT_FALSE(check.misses_event(3));
  EXPECT_TRUE(check.misses_event(3));
}

}  // namespace
}  // namespace masq::nftables
