// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/mapping_table.hpp"
#include "os/fd.hpp"

namespace masq::bpf {

// "mappings", IPv4 -> "mappings4"
std::string map_name(const char* map, Family family);
// Fails with "nothing of masq is pinned in DIR" if the map does not exist.
Result<os::Fd> open_pinned_map(const Pins& pins, const std::string& name);

// Returns true if a table is pinned.
bool has_table(const Pins& pins);

enum class Access : std::uint8_t { read, change };

// A mapped array of the kernel; unmapped by the destructor.
template <class T>
class MappedArray {
 public:
  static Result<MappedArray> open(int fd, Access access) {
    bpf_map_info info{};
    std::uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return fail("map info: {}", std::strerror(errno));
    if (info.value_size != sizeof(T)) return fail("map {} has another layout", info.name);
    const std::size_t bytes = std::size_t{info.max_entries} * sizeof(T);
    const int protection = access == Access::change ? PROT_READ | PROT_WRITE : PROT_READ;
    void* memory = mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return fail("mmap {}: {}", info.name, std::strerror(errno));
    return MappedArray(static_cast<T*>(memory), info.max_entries, bytes);
  }
  MappedArray(MappedArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(other.count_), bytes_(other.bytes_) {}
  MappedArray& operator=(MappedArray&&) = delete;
  ~MappedArray() {
    if (data_) munmap(data_, bytes_);
  }
  std::uint32_t count() const { return count_; }
  // Returns a copy, because the kernel keeps writing.
  T at(std::uint32_t index) const {
    T copy;
    std::memcpy(&copy, &data_[index], sizeof copy);
    return copy;
  }
  // Returns a reference to the element; requires Access::change.
  T& operator[](std::uint32_t index) { return data_[index]; }

 private:
  MappedArray(T* data, std::uint32_t count, std::size_t bytes) : data_(data), count_(count), bytes_(bytes) {}
  T* data_;
  std::uint32_t count_;
  std::size_t bytes_;
};

// Returns the control block of the table, or nullopt if there is no table. Another object at its place is an error.
Result<std::optional<masq_control>> find_control(const Pins& pins, Family family);
// The same, but a missing table is an error.
Result<masq_control> read_control(const Pins& pins, Family family);

// The table of one family: bpf/nat/index.h.
template <class Abi>
struct PinnedTable {
  masq_control control;  // at the time of opening
  MappedArray<typename Abi::Mapping> slots;

  static Result<PinnedTable> open(const Pins& pins, Access access) {
    TRY(auto control, read_control(pins, Abi::family));
    TRY(auto fd, open_pinned_map(pins, map_name("mappings", Abi::family)));
    TRY(auto slots, MappedArray<typename Abi::Mapping>::open(fd.get(), access));
    return PinnedTable{.control = control, .slots = std::move(slots)};
  }
  // Returns the first slot that was never used.
  std::uint32_t end() const { return std::min(control.unused, slots.count()); }
};

template <class Abi>
Mapping to_mapping(const typename Abi::Mapping& raw, std::uint32_t now);

// The reverse: a record for Program::adopt(). Its idle time starts again, because conntrack does not report the time of
// the last packet.
template <class Abi>
typename Abi::Mapping from_mapping(const Mapping& mapping, std::uint32_t now);

const char* state_word(std::uint8_t state);  // of an enum masq_state; "?" if it is unknown
// For an echo the identifier replaces both ports. `flow_port` is the tuple's dport. All are in host byte order.
std::uint16_t remote_port_of(std::uint8_t protocol, std::uint16_t pod_port, std::uint16_t flow_port);

struct ReasonText {
  bool drop;
  const char* word;
};
// Returns the text of an enum masq_reason; an unknown one has the word "?".
ReasonText reason_text(std::uint32_t reason);

}  // namespace masq::bpf
