// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/btf_layout.hpp"

#include <bpf/btf.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "bpf/abi/mapping.h"

namespace masq::bpf {
namespace {

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};

const btf_type* without_modifiers(const btf& types, std::uint32_t& id) {
  const btf_type* type = btf__type_by_id(&types, id);
  while (type && (btf_is_mod(type) || btf_is_typedef(type))) {
    id = type->type;
    type = btf__type_by_id(&types, id);
  }
  return type;
}

void add_fields(const btf& types, std::uint32_t id, const std::string& prefix, std::uint32_t offset,
                BtfLayout& element) {
  const btf_type* type = without_modifiers(types, id);
  if (!type || !btf_is_composite(type)) return;
  for (std::uint32_t i = 0; i < btf_vlen(type); ++i) {
    const btf_member& member = btf_members(type)[i];
    const std::string name = btf__name_by_offset(&types, member.name_off);
    const std::uint32_t at = offset + btf_member_bit_offset(type, i) / 8;
    std::uint32_t inner = member.type;
    const btf_type* member_type = without_modifiers(types, inner);
    if (!member_type || btf_member_bitfield_size(type, i) != 0) continue;
    if (name.empty() ? btf_is_composite(member_type) : btf_is_struct(member_type))
      add_fields(types, inner, name.empty() ? prefix : prefix + name + ".", at, element);
    else
      element.fields[prefix + name] = {.offset = at,
                                       .size = static_cast<std::uint32_t>(btf__resolve_size(&types, inner))};
  }
}

void add_enumerations(const btf& types, BtfLayout& element) {
  for (std::uint32_t id = 1; id < btf__type_cnt(&types); ++id) {
    const btf_type* type = btf__type_by_id(&types, id);
    const std::string name = btf__name_by_offset(&types, type->name_off);
    if (!btf_is_enum(type) || !name.starts_with("masq_")) continue;
    for (std::uint32_t i = 0; i < btf_vlen(type); ++i)
      element.enumerations[name][btf__name_by_offset(&types, btf_enum(type)[i].name_off)] =
          static_cast<std::uint32_t>(btf_enum(type)[i].val);
  }
}

// The fields that contain a number of an enumeration.
constexpr std::pair<const char*, const char*> words_of_fields[] = {
    {"reason", "masq_reason"},  {"state", "masq_state"}, {"slot", "masq_slot"},
    {"flow.kind", "masq_kind"}, {"order", "masq_order"}, {"flags", "masq_flag"},
};

bool is_number(std::uint32_t size) {
  return size == 1 || size == 2 || size == 4 || size == 8;
}

std::uint64_t get(const std::uint8_t* at, std::uint32_t size) {
  std::uint64_t value = 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    const auto byte = std::endian::native == std::endian::little ? size - 1 - i : i;
    value = value << 8 | at[byte];
  }
  return value;
}

void put(std::uint8_t* at, std::uint32_t size, std::uint64_t value) {
  for (std::uint32_t i = 0; i < size; ++i) {
    const auto byte = std::endian::native == std::endian::little ? i : size - 1 - i;
    at[byte] = static_cast<std::uint8_t>(value);
    value >>= 8;
  }
}

std::uint32_t tick_shift(const BtfLayout& type) {
  const auto found = type.enumerations.find("masq_time");
  if (found == type.enumerations.end() || !found->second.contains("MASQ_TICK_SHIFT")) return MASQ_TICK_SHIFT;
  return found->second.at("MASQ_TICK_SHIFT");
}

}  // namespace

Result<BtfLayout> BtfLayout::of_type(std::span<const std::byte> btf_bytes, std::uint32_t type, std::uint32_t size) {
  const std::unique_ptr<btf, FreeBtf> types(btf__new(btf_bytes.data(), static_cast<std::uint32_t>(btf_bytes.size())));
  if (!types) return fail("its BTF cannot be read: {}", std::strerror(errno));
  BtfLayout element;
  element.size = size;
  add_fields(*types, type, "", 0, element);
  add_enumerations(*types, element);
  const auto fits = [&](const auto& field) {
    return std::uint64_t{field.second.offset} + field.second.size <= element.size;
  };
  if (!std::ranges::all_of(element.fields, fits)) return fail("its BTF is inconsistent");
  return element;
}

Result<RecordConverter::Step> RecordConverter::make_step(const std::string& name, const BtfLayout::Field& from,
                                                         const BtfLayout::Field& to) {
  Step step{.from = from, .to = to};
  if (from.size != to.size && (!is_number(from.size) || !is_number(to.size)))
    return fail("its field {} has {} bytes, not {}", name, from.size, to.size);
  if (from.size != to.size) step.kind = Step::Kind::number;
  if (name == "seen" || name == "created") step.kind = Step::Kind::tick;
  return step;
}

Result<RecordConverter> RecordConverter::make(const BtfLayout& from, const BtfLayout& to,
                                              const std::vector<std::string>& needed) {
  RecordConverter converter;
  converter.shift_from_ = tick_shift(from);
  converter.shift_to_ = tick_shift(to);
  constexpr std::uint64_t most = 31;  // a tick has 32 bits
  if (const auto shift = std::uint64_t{std::max(converter.shift_from_, converter.shift_to_)}; shift > most)
    return fail("its ticks are of 2^{} ns", shift);
  for (const auto& [name, words] : to.enumerations) {
    const auto theirs = from.enumerations.find(name);
    if (theirs == from.enumerations.end()) continue;
    for (const auto& [word, number] : words)
      if (const auto same = theirs->second.find(word); same != theirs->second.end())
        converter.words_[name].emplace(same->second, number);
  }
  for (const auto& name : needed)
    if (!from.fields.contains(name)) return fail("it has no field {}", name);
  for (const auto& [name, field] : to.fields) {
    const auto theirs = from.fields.find(name);
    if (theirs == from.fields.end()) continue;
    auto made = make_step(name, theirs->second, field);
    if (!made && std::ranges::find(needed, name) == needed.end()) continue;
    TRY(auto step, std::move(made));
    for (const auto& [word_field, enumeration] : words_of_fields) {
      if (name != word_field || !converter.words_.contains(enumeration)) continue;
      step.kind = name == "flags" ? Step::Kind::flags : Step::Kind::word;
      step.words = &converter.words_.at(enumeration);
    }
    converter.steps_.push_back(step);
  }
  return converter;
}

std::uint32_t RecordConverter::tick(std::uint32_t theirs) const {
  if (theirs == 0) return 0;
  return std::max<std::uint32_t>(1, static_cast<std::uint32_t>((std::uint64_t{theirs} << shift_from_) >> shift_to_));
}

bool RecordConverter::convert(const std::uint8_t* from, std::uint8_t* to) const {
  for (const auto& step : steps_) {
    if (step.kind == Step::Kind::copied) {
      std::copy_n(from + step.from.offset, step.to.size, to + step.to.offset);
      continue;
    }
    const auto theirs = static_cast<std::uint32_t>(get(from + step.from.offset, step.from.size));
    std::uint32_t ours = theirs;
    if (step.kind == Step::Kind::tick) ours = tick(theirs);
    if (step.kind == Step::Kind::word) {
      const auto word = step.words->find(theirs);
      if (word == step.words->end()) return false;
      ours = word->second;
    }
    if (step.kind == Step::Kind::flags) {
      ours = 0;
      for (const auto& [their_bit, our_bit] : *step.words)
        if (theirs & their_bit) ours |= our_bit;
    }
    put(to + step.to.offset, step.to.size, ours);
  }
  return true;
}

}  // namespace masq::bpf
