// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/btf_layout.hpp"

#include <bpf/btf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace masq::bpf {
namespace {

struct FreeTypes {
  void operator()(btf* types) const { btf__free(types); }
};

class Layouts : public testing::Test {
 protected:
  std::unique_ptr<btf, FreeTypes> types{btf__new_empty()};
  const int word = btf__add_int(types.get(), "__u32", 4, 0);

  Result<BtfLayout> layout_of(int type, std::uint32_t size) {
    std::uint32_t length = 0;
    const auto* bytes = static_cast<const std::byte*>(btf__raw_data(types.get(), &length));
    return BtfLayout::of_type({bytes, length}, static_cast<std::uint32_t>(type), size);
  }
};

TEST_F(Layouts, AStructHasItsFields) {
  const int record = btf__add_struct(types.get(), "record", 8);
  btf__add_field(types.get(), "seen", word, 32, 0);
  const auto layout = layout_of(record, 8);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->fields, (std::map<std::string, BtfLayout::Field>{{"seen", {.offset = 4, .size = 4}}}));
}

// A map of another program may have any value. The fuzzer of pinned maps found that enumerators were read as fields.
TEST_F(Layouts, AValueThatIsNoStructHasNoFields) {
  const int words = btf__add_enum(types.get(), "words", 4);
  for (const int value : {0x1000000, 0x2000000, 0x3000000}) btf__add_enum_value(types.get(), "word", value);
  const auto layout = layout_of(words, 4);
  ASSERT_TRUE(layout);
  EXPECT_TRUE(layout->fields.empty());
}

TEST_F(Layouts, AFieldBehindTheEndIsAnError) {
  const int endless = btf__add_array(types.get(), word, word, 0x80000000);  // its size is not known: -E2BIG
  for (const int type : {word, endless}) {
    const int record = btf__add_struct(types.get(), "record", 12);
    btf__add_field(types.get(), "seen", type, 64, 0);
    EXPECT_FALSE(layout_of(record, 8)) << type;
  }
}

}  // namespace
}  // namespace masq::bpf
