// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace masq {

// What a pinned map says of its elements, by the BTF that it was made with: where each field lies, and which numbers
// the names of masq's enumerations stand for.
struct ElementType {
  struct Field {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    bool operator==(const Field&) const = default;
  };
  using Words = std::map<std::string, std::uint32_t>;

  std::uint32_t size = 0;
  std::map<std::string, Field> fields;        // "flow.src"; of a named union the whole
  std::map<std::string, Words> enumerations;  // "masq_reason": {"MASQ_REASON_TRANSLATED": 0, …}

  static Result<ElementType> of_map(int fd);
};

// Converts an element of another version's map to one of this version: fields by their names, numbers by the names of
// their meaning.
class RecordConverter {
 public:
  // `needed`: fields without which there is no converter. All others that `from` does not have become zeros.
  static Result<RecordConverter> make(const ElementType& from, const ElementType& to,
                                      const std::vector<std::string>& needed);

  // False: it has a number that has no meaning here. `to` is zeros before.
  bool convert(const std::uint8_t* from, std::uint8_t* to) const;
  std::uint32_t tick(std::uint32_t theirs) const;  // never 0, but for 0

 private:
  struct Step {
    ElementType::Field from, to;
    enum class Kind : std::uint8_t { copied, number, tick, word, flags } kind = Kind::copied;
    const std::map<std::uint32_t, std::uint32_t>* words = nullptr;
  };
  static Result<Step> make_step(const std::string& name, const ElementType::Field& from, const ElementType::Field& to);

  std::vector<Step> steps_;
  std::map<std::string, std::map<std::uint32_t, std::uint32_t>> words_;  // by enumeration; absent: the same
  std::uint32_t shift_from_ = 0, shift_to_ = 0;
};

}  // namespace masq
