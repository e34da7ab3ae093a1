// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace masq::bpf {

// The layout of a pinned map's elements, from the BTF of its creation: the position of each field, and the numbers of
// masq's enumerations.
struct BtfLayout {
  struct Field {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    bool operator==(const Field&) const = default;
  };
  using Words = std::map<std::string, std::uint32_t>;

  std::uint32_t size = 0;
  std::map<std::string, Field> fields;        // "flow.src"; a named union is one field
  std::map<std::string, Words> enumerations;  // "masq_reason": {"MASQ_REASON_TRANSLATED": 0, …}

  static Result<BtfLayout> of_map(int fd);
  // `btf`: of the map's creation, as the kernel returns it; `type`: the id of an element's type; `size`: its bytes.
  static Result<BtfLayout> of_type(std::span<const std::byte> btf, std::uint32_t type, std::uint32_t size);
};

// Converts an element of another version's map to this version: fields by their names, numbers by the names of their
// enumerators.
class RecordConverter {
 public:
  // `needed`: fields without which conversion fails. All other fields that `from` lacks are zero.
  static Result<RecordConverter> make(const BtfLayout& from, const BtfLayout& to,
                                      const std::vector<std::string>& needed);

  // Returns false if a number has no equivalent in this version. `to` must be zero before.
  bool convert(const std::uint8_t* from, std::uint8_t* to) const;
  std::uint32_t tick(std::uint32_t theirs) const;  // never 0, except for 0

 private:
  struct Step {
    BtfLayout::Field from, to;
    enum class Kind : std::uint8_t { copied, number, tick, word, flags } kind = Kind::copied;
    const std::map<std::uint32_t, std::uint32_t>* words = nullptr;
  };
  static Result<Step> make_step(const std::string& name, const BtfLayout::Field& from, const BtfLayout::Field& to);

  std::vector<Step> steps_;
  std::map<std::string, std::map<std::uint32_t, std::uint32_t>> words_;  // by enumeration; absent: equal numbers
  std::uint32_t shift_from_ = 0, shift_to_ = 0;
};

}  // namespace masq::bpf
