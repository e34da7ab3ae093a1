// SPDX-License-Identifier: Apache-2.0
#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace masq {
namespace {

Result<int> number(int value) {
  if (value < 0) return fail("{}: negative", value);
  return value;
}

Result<void> check(int value) {
  if (value > 9) return fail("{}: more than one digit", value);
  return {};
}

Result<std::string> sum(int first, int second) {
  TRY(const auto a, number(first));
  int b = 0;
  TRY(b, number(second));
  TRY_DO(check(a + b));
  return std::to_string(a + b);
}

TEST(Try, TakesTheValueOrReturnsTheErrorAsItIs) {
  EXPECT_EQ(sum(2, 3).value(), "5");
  EXPECT_EQ(sum(-2, 3).error().message, "-2: negative");
  EXPECT_EQ(sum(2, -3).error().message, "-3: negative");
  EXPECT_EQ(sum(5, 6).error().message, "11: more than one digit");
}

Result<std::unique_ptr<int>> box(int value) {
  TRY(auto content, number(value));
  return std::make_unique<int>(content);
}

Result<std::unique_ptr<int>> next_box(int value) {
  TRY(auto other, box(value));
  ++*other;
  return other;
}

TEST(Try, MovesTheValue) {
  EXPECT_EQ(*next_box(4).value(), 5);
  EXPECT_FALSE(next_box(-1));
}

template <class A, class B>
Result<std::pair<A, B>> ordered(A first, B second) {
  if (second < first) return fail("{}: less than {}", second, first);
  return std::pair(first, second);
}

Result<int> width(int first, int second) {
  TRY(const auto ends, ordered<int, int>(first, second));
  return ends.second - ends.first;
}

TEST(Try, TakesAnExpressionWithCommas) {
  EXPECT_EQ(width(2, 6).value(), 4);
  EXPECT_FALSE(width(6, 2));
}

Result<int> count_checked(bool wanted, int value) {
  int unchecked = 0;
  if (wanted)
    TRY_DO(check(value));
  else
    ++unchecked;
  for (int i = 0; i < 2; ++i) TRY_DO(check(value - 9 * unchecked));
  return unchecked;
}

TEST(TryDo, IsOneStatement) {
  EXPECT_EQ(count_checked(true, 9).value(), 0);
  EXPECT_EQ(count_checked(false, 10).value(), 1);
  EXPECT_FALSE(count_checked(true, 10));
  EXPECT_FALSE(count_checked(false, 19));
}

Result<int> nested(int value) {
  TRY(const auto inner, [&]() -> Result<int> {
    TRY(const auto again, number(value));
    TRY_DO([&]() -> Result<void> {
      TRY_DO(check(again));
      return {};
    }());
    return again + 1;
  }());
  return inner + 1;
}

TEST(Try, MayStandInALambdaOfAnother) {
  EXPECT_EQ(nested(1).value(), 3);
  EXPECT_FALSE(nested(-1));
  EXPECT_FALSE(nested(10));
}

}  // namespace
}  // namespace masq
