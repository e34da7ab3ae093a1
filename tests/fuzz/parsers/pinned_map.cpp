// SPDX-License-Identifier: Apache-2.0
// The pinned table of another version: its BTF, and a record of it. The kernel has verified the BTF, so the input only
// chooses its types; then come the bytes of the record.
#include <bpf/btf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "datapath/bpf/btf_layout.hpp"
#include "target.hpp"

namespace masq::fuzz {
namespace {

constexpr const char* names[] = {"flow",   "src",      "dst",           "sport", "dport", "protocol",
                                 "kind",   "external", "external_port", "",      "seen",  "created",
                                 "reason", "state",    "slot",          "flags", "order", "other"};
constexpr const char* enumerations[] = {"masq_time", "masq_reason", "masq_state",
                                        "masq_slot", "masq_flag",   "masq_kind"};
constexpr const char* words[] = {"MASQ_TICK_SHIFT", "MASQ_REASON_TRANSLATED", "MASQ_STATE_NEW", "MASQ_SLOT_LINKED",
                                 "MASQ_RESET"};

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};

class Bytes {
 public:
  explicit Bytes(Input input) : rest_(input) {}
  std::uint32_t below(std::uint32_t count) {
    if (rest_.empty()) return 0;
    const auto byte = rest_[0];
    rest_ = rest_.subspan(1);
    return byte % count;
  }
  Input rest() const { return rest_; }

 private:
  Input rest_;
};

void add_struct(btf& types, Bytes& bytes, std::uint32_t size) {
  const auto first = static_cast<int>(btf__type_cnt(&types));
  bytes.below(4) == 0 ? btf__add_union(&types, "one", size) : btf__add_struct(&types, "record", size);
  for (std::uint32_t i = bytes.below(16); i > 0; --i) {
    const auto type = 1 + static_cast<int>(bytes.below(static_cast<std::uint32_t>(first) - 1));  // no cycles
    btf__add_field(&types, names[bytes.below(std::size(names))], type, bytes.below(128) * 8, 0);
  }
}

// Returns the id of the last struct.
int add_types(btf& types, Bytes& bytes) {
  btf__add_int(&types, "__u8", 1, 0);
  btf__add_int(&types, "__u16", 2, 0);
  btf__add_int(&types, "__u32", 4, 0);
  btf__add_int(&types, "__u64", 8, 0);
  btf__add_array(&types, 3, 1, static_cast<int>(bytes.below(64)));
  for (std::uint32_t i = bytes.below(4); i > 0; --i) {
    btf__add_enum(&types, enumerations[bytes.below(std::size(enumerations))], 4);
    for (std::uint32_t j = bytes.below(5); j > 0; --j)
      btf__add_enum_value(&types, words[bytes.below(std::size(words))], bytes.below(256));
    btf__add_typedef(&types, "alias", static_cast<int>(btf__type_cnt(&types)) - 1);
  }
  for (std::uint32_t i = 1 + bytes.below(3); i > 0; --i) add_struct(types, bytes, bytes.below(128));
  return static_cast<int>(btf__type_cnt(&types)) - 1;
}

}  // namespace

void fuzz_pinned_map(Input input) {
  Bytes bytes(input);
  const std::unique_ptr<btf, FreeBtf> types(btf__new_empty());
  const auto id = static_cast<std::uint32_t>(add_types(*types, bytes));
  const std::uint32_t size = bytes.below(128), our_size = bytes.below(128);
  std::uint32_t length = 0;
  const auto* const raw = static_cast<const std::byte*>(btf__raw_data(types.get(), &length));
  const auto from = bpf::BtfLayout::of_type({raw, length}, id, size);
  const auto to = bpf::BtfLayout::of_type({raw, length}, 1 + bytes.below(id), our_size);
  if (!from || !to) return;
  const auto converter = bpf::RecordConverter::make(*from, *to, {"seen"});
  if (!converter) return;
  std::vector<std::uint8_t> record(size), ours(our_size);
  std::ranges::copy(bytes.rest().first(std::min<std::size_t>(size, bytes.rest().size())), record.begin());
  (void)converter->convert(record.data(), ours.data());
}

}  // namespace masq::fuzz
