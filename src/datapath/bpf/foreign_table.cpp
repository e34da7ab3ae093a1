// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/foreign_table.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "datapath/bpf/btf_layout.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "os/fd.hpp"

namespace masq::bpf {
namespace {

const std::vector<std::string> needed_fields = {
    "flow.src",      "flow.dst", "flow.sport", "flow.dport", "flow.protocol", "external",
    "external_port", "reason",   "state",      "seen",       "created",       "slot",
};

Result<std::optional<os::Fd>> open_map(const std::filesystem::path& path) {
  os::Fd fd(bpf_obj_get(path.c_str()));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return fail("{}: {}", path.string(), std::strerror(errno));
  return fd;
}

// Copies a whole mappable array at one moment.
Result<std::vector<std::uint8_t>> copy_of(int fd, std::uint32_t elements, std::uint32_t& stride) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return fail("map info: {}", std::strerror(errno));
  if (info.type != BPF_MAP_TYPE_ARRAY || !(info.map_flags & BPF_F_MMAPABLE)) return fail("not a table of masq");
  stride = (info.value_size + 7) / 8 * 8;
  const std::size_t bytes = std::size_t{std::min(elements, info.max_entries)} * stride;
  std::vector<std::uint8_t> copy(bytes);
  if (bytes == 0) return copy;
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return fail("mmap: {}", std::strerror(errno));
  std::memcpy(copy.data(), memory, bytes);
  munmap(memory, bytes);
  return copy;
}

// Returns true if the table was ever used. A table whose creation was interrupted has no control map, and no mappings.
Result<bool> has_mappings(int slots) {
  TRY(const auto type, BtfLayout::of_map(slots));
  const auto seen = type.fields.find("seen");
  if (seen == type.fields.end()) return fail("not a table of masq: it has no field seen");
  std::uint32_t stride = 0;
  TRY(const auto copy, copy_of(slots, std::numeric_limits<std::uint32_t>::max(), stride));
  for (std::size_t at = 0; at + stride <= copy.size(); at += stride)
    for (std::size_t i = 0; i < seen->second.size; ++i)
      if (copy[at + seen->second.offset + i] != 0) return true;
  return false;
}

}  // namespace

Result<void> check_foreign_table(const std::filesystem::path& maps, Family family) {
  const auto control_path = maps / map_name("control", family), slots_path = maps / map_name("mappings", family);
  TRY(const auto control, open_map(control_path));
  TRY(const auto slots, open_map(slots_path));
  if (!slots) return {};
  const auto mappings = has_mappings(slots->get());
  if (!mappings) return fail_with(slots_path.string(), mappings.error());
  if (*mappings && !control)
    return fail("{}: missing, but {} has connections", control_path.string(), slots_path.string());
  return {};
}

template <class Abi>
Result<std::optional<ForeignTable<Abi>>> ForeignTable<Abi>::open(const std::filesystem::path& maps, int ours) {
  const auto control_path = maps / map_name("control", Abi::family),
             slots_path = maps / map_name("mappings", Abi::family);
  TRY(auto control, open_map(control_path));
  TRY(auto slots, open_map(slots_path));
  if (!control || !slots) return std::nullopt;
  ForeignTable table;
  table.path_ = slots_path;
  table.control_ = *std::move(control);
  table.slots_ = *std::move(slots);
  auto control_type = BtfLayout::of_map(table.control_.get());
  if (!control_type) return fail_with(control_path.string(), control_type.error());
  auto slot_type = BtfLayout::of_map(table.slots_.get());
  if (!slot_type) return fail_with(slots_path.string(), slot_type.error());
  TRY(auto our_type, BtfLayout::of_map(ours));
  table.control_type_ = *std::move(control_type);
  table.slot_type_ = *std::move(slot_type);
  auto schema = table.control_number("schema");
  if (!schema) return fail_with(control_path.string(), schema.error());
  if (*schema == 0) return std::nullopt;
  auto converter = RecordConverter::make(table.slot_type_, our_type, needed_fields);
  if (!converter) return fail_with(slots_path.string(), converter.error());
  table.converter_ = *std::move(converter);
  return table;
}

template <class Abi>
Result<std::uint32_t> ForeignTable<Abi>::control_number(const char* field) const {
  const auto found = control_type_.fields.find(field);
  if (found == control_type_.fields.end() || found->second.size != sizeof(std::uint32_t))
    return fail("not a table of masq: it has no field {}", field);
  std::vector<std::uint8_t> control(control_type_.size);
  const std::uint32_t key = 0;
  if (bpf_map_lookup_elem(control_.get(), &key, control.data()) != 0)
    return fail("read control: {}", std::strerror(errno));
  std::uint32_t number = 0;
  std::memcpy(&number, &control[found->second.offset], sizeof number);
  return number;
}

template <class Abi>
Result<std::uint32_t> ForeignTable<Abi>::clock() const {
  auto clock = control_number("clock");
  if (!clock) return fail_with(path_.string(), clock.error());
  return converter_->tick(*clock);
}

template <class Abi>
Result<std::vector<typename Abi::Mapping>> ForeignTable<Abi>::read(std::optional<std::uint32_t> since) const {
  const auto unused = control_number("unused");
  if (!unused) return fail_with(path_.string(), unused.error());
  std::uint32_t stride = 0;
  const auto slots = copy_of(slots_.get(), *unused, stride);
  if (!slots) return fail_with(path_.string(), slots.error());
  std::vector<typename Abi::Mapping> mappings;
  for (std::size_t at = 0; at + stride <= slots->size(); at += stride) {
    typename Abi::Mapping mapping{};
    if (!converter_->convert(&(*slots)[at], reinterpret_cast<std::uint8_t*>(&mapping))) continue;
    if (mapping.slot != MASQ_SLOT_LINKED || mapping.seen == 0) continue;
    if (since && static_cast<std::int32_t>(mapping.seen - *since) < 0) continue;
    mappings.push_back(mapping);
  }
  return mappings;
}

template class ForeignTable<Abi4>;
template class ForeignTable<Abi6>;

}  // namespace masq::bpf
