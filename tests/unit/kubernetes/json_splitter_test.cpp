// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/json_splitter.hpp"

#include <gmock/gmock.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace masq::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Form = JsonSplitter::Form;

struct Split {
  std::vector<std::string> objects;
  std::string rest;
  std::string error;
  bool operator==(const Split&) const = default;
};

Split split(Form form, std::string_view text, std::size_t piece_size) {
  Split result;
  JsonSplitter splitter(form, [&](std::string_view object) -> Result<void> {
    result.objects.emplace_back(object);
    return {};
  });
  for (std::size_t at = 0; at < text.size(); at += piece_size)
    if (auto fed = splitter.feed(text.substr(at, piece_size)); !fed) {
      result.error = fed.error().message;
      return result;
    }
  auto rest = splitter.finish();
  (rest ? result.rest : result.error) = rest ? *rest : rest.error().message;
  return result;
}

// The border between two pieces may be at any byte.
Split split(Form form, std::string_view text) {
  const auto whole = split(form, text, text.size() + 1);
  for (std::size_t size = 1; size < text.size(); ++size)
    EXPECT_EQ(split(form, text, size).objects, whole.objects) << size;
  EXPECT_EQ(split(form, text, 1), whole);
  return whole;
}

TEST(JsonSplitter, HandsOutTheItemsOfAList) {
  const auto found = split(Form::list, R"({"kind":"NodeList","metadata":{"resourceVersion":"7","continue":""},
    "items":[{"metadata":{"name":"a"}} , {"x":[{"y":1}]}]}
)");
  EXPECT_THAT(found.objects, ElementsAre(R"({"metadata":{"name":"a"}})", R"({"x":[{"y":1}]})"));
  EXPECT_EQ(found.rest, R"({"kind":"NodeList","metadata":{"resourceVersion":"7","continue":""},"items":[]})");
}

TEST(JsonSplitter, ItemsMayComeBeforeTheMetadata) {
  const auto found = split(Form::list, R"({"items":[{"a":1}],"metadata":{"resourceVersion":"7"}})");
  EXPECT_THAT(found.objects, ElementsAre(R"({"a":1})"));
  EXPECT_EQ(found.rest, R"({"items":[],"metadata":{"resourceVersion":"7"}})");
}

TEST(JsonSplitter, OnlyTheMemberOfTheOuterObjectCounts) {
  const auto found =
      split(Form::list, R"({"metadata":{"items":[{"a":1}]},"kind":"items","other":[{"b":2}],"items":null})");
  EXPECT_THAT(found.objects, IsEmpty());
  EXPECT_EQ(found.error, "");
}

TEST(JsonSplitter, BracketsAndQuotesInTextsDoNotCount) {
  const auto found = split(Form::list, R"({"items":[{"a":"]}\"{\\"},{"b":"\\\""}],"c":"[{"})");
  EXPECT_THAT(found.objects, ElementsAre(R"({"a":"]}\"{\\"})", R"({"b":"\\\""})"));
  EXPECT_EQ(found.error, "");
}

TEST(JsonSplitter, HandsOutTheObjectsOfAStream) {
  const auto found = split(Form::stream, "{\"type\":\"ADDED\"}\n{\"type\":\"DELETED\",\"object\":{}}\n\n");
  EXPECT_THAT(found.objects, ElementsAre(R"({"type":"ADDED"})", R"({"type":"DELETED","object":{}})"));
  EXPECT_EQ(found.error, "");
}

TEST(JsonSplitter, AnIncompleteTextIsAnError) {
  const std::string_view list = R"({"items":[{"a":"b"}],"metadata":{}})";
  for (std::size_t size = 0; size < list.size(); ++size)
    EXPECT_EQ(split(Form::list, list.substr(0, size), 4).error, "the JSON text ends too early") << size;
  EXPECT_EQ(split(Form::stream, R"({"a":1} {"b")").error, "the JSON text ends too early");
}

TEST(JsonSplitter, ATextOfAnotherFormIsAnError) {
  EXPECT_THAT(split(Form::list, "<html>").error, HasSubstr("an object is expected"));
  EXPECT_THAT(split(Form::list, R"({"items":[1,2]})").error, HasSubstr("an object is expected in items"));
  EXPECT_THAT(split(Form::list, R"({} {})").error, HasSubstr("an object is expected"));
  EXPECT_THAT(split(Form::stream, "[{}]").error, HasSubstr("an object is expected"));
  EXPECT_THAT(split(Form::stream, "{}}").error, HasSubstr("expected"));
  EXPECT_THAT(split(Form::list, "{}]").error, HasSubstr("expected"));
}

TEST(JsonSplitter, DepthAndLengthAreBounded) {
  EXPECT_THAT(split(Form::stream, std::string(JsonSplitter::max_depth + 1, '{'), 64).error, HasSubstr("open brackets"));
  const std::string long_text(JsonSplitter::max_object, 'x');
  EXPECT_THAT(split(Form::stream, R"({"a":")" + long_text, 4096).error, HasSubstr("more than"));
  EXPECT_THAT(split(Form::list, R"({"a":")" + long_text, 4096).error, HasSubstr("around its items"));
}

TEST(JsonSplitter, AnErrorOfTheHandlerEndsIt) {
  JsonSplitter splitter(Form::stream, [](std::string_view object) -> Result<void> { return fail("no {}", object); });
  EXPECT_EQ(splitter.feed("{}{}").error().message, "no {}");
}

}  // namespace
}  // namespace masq::kubernetes
