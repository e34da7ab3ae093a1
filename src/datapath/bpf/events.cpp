// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/events.hpp"

#include <bpf/libbpf.h>
#include <netinet/in.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/event.h"
#include "bpf/abi/mapping.h"
#include "bpf/abi/reasons.h"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/event.hpp"
#include "datapath/event_source.hpp"
#include "os/fd.hpp"
#include "os/lock.hpp"

namespace masq::bpf {
namespace {

constexpr auto lease = std::chrono::seconds(2);

std::chrono::nanoseconds since_boot() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::uint32_t tick(std::chrono::nanoseconds time) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(time.count()) >> MASQ_TICK_SHIFT);
}

Address address_of(const masq_addr6& raw, std::uint8_t family) {
  return Address::from_bytes(std::span(raw.bytes).first(family == 4 ? 4 : 16));
}

std::uint32_t type_bits(const EventTypes& types) {
  std::uint32_t bits = 0;
  for (std::uint32_t type = 0; type < MASQ_EVENT_TYPE_COUNT; ++type)
    if (has_type(types, event_types()[type])) bits |= 1u << type;
  return bits;
}

struct DeleteRing {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

class PinnedEvents final : public EventSource {
 public:
  PinnedEvents(os::Fd lock, os::Fd ring, MappedArray<masq_monitor> monitor)
      : lock_(std::move(lock)), ring_fd_(std::move(ring)), monitor_(std::move(monitor)) {}
  ~PinnedEvents() override { __atomic_store_n(&monitor_[0].until, tick(since_boot()), __ATOMIC_RELEASE); }

  Result<void> start() {
    ring_.reset(ring_buffer__new(ring_fd_.get(), &PinnedEvents::arrived, this, nullptr));
    if (!ring_) return fail("open the ring of events: {}", std::strerror(errno));
    lost_ = lost_ever();
    // Discards the events of an earlier reader.
    take([](const Event&) {});
    return {};
  }

  int fd() const override { return ring_buffer__epoll_fd(ring_.get()); }

  void take(const std::function<void(const Event&)>& visit) override {
    visit_ = &visit;
    boot_ = std::chrono::system_clock::now() -
            std::chrono::duration_cast<std::chrono::system_clock::duration>(since_boot());
    ring_buffer__consume(ring_.get());
    visit_ = nullptr;
  }

  std::uint64_t renew(const EventTypes& types) override {
    __atomic_store_n(&monitor_[0].types, type_bits(types), __ATOMIC_RELAXED);
    __atomic_store_n(&monitor_[0].until, tick(since_boot() + lease), __ATOMIC_RELEASE);
    const auto ever = lost_ever();
    return ever - std::exchange(lost_, ever);
  }

 private:
  static int arrived(void* context, void* data, std::size_t size) {
    auto& self = *static_cast<PinnedEvents*>(context);
    masq_event raw{};
    if (size < sizeof raw) return 0;
    std::memcpy(&raw, data, sizeof raw);
    (*self.visit_)(to_event(raw, self.boot_));
    return 0;
  }

  std::uint64_t lost_ever() const {
    std::uint64_t sum = 0;
    for (const auto count : monitor_.at(0).lost) sum += count;
    return sum;
  }

  os::Fd lock_;
  os::Fd ring_fd_;
  MappedArray<masq_monitor> monitor_;
  std::unique_ptr<ring_buffer, DeleteRing> ring_;
  const std::function<void(const Event&)>* visit_ = nullptr;
  std::chrono::system_clock::time_point boot_{};
  std::uint64_t lost_ = 0;
};

Result<os::Fd> open_event_map(const Pins& pins, const char* name) {
  // Checks the table first: if the table exists, only the ring is missing.
  TRY_DO(read_control(pins, Family::ipv4));
  if (!std::filesystem::exists(pins.map(name))) return fail("the programs in the kernel write no events");
  return open_pinned_map(pins, name);
}

}  // namespace

Event to_event(const masq_event& raw, std::chrono::system_clock::time_point boot) {
  Event event;
  event.time = boot + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                          std::chrono::nanoseconds(static_cast<std::int64_t>(raw.time)));
  event.type = raw.type < MASQ_EVENT_TYPE_COUNT ? event_types()[raw.type] : "?";
  event.protocol = raw.protocol;
  event.pod = address_of(raw.pod, raw.family);
  event.pod_port = ntohs(raw.pod_port);
  event.remote = address_of(raw.remote, raw.family);
  event.remote_port = remote_port_of(raw.protocol, event.pod_port, ntohs(raw.remote_port));
  if (raw.type == MASQ_EVENT_DROP) {
    event.reason = reason_text(raw.reason).word;
    event.direction = raw.direction == MASQ_EGRESS ? "egress" : "ingress";
    return event;
  }
  event.external = address_of(raw.external, raw.family);
  event.external_port = ntohs(raw.external_port);
  event.state = state_word(raw.state);
  return event;
}

Result<std::unique_ptr<EventSource>> open_events(const std::filesystem::path& bpf_root) {
  const Pins pins(bpf_root);
  TRY(auto ring, open_event_map(pins, "events"));
  TRY(auto monitor_fd, open_event_map(pins, "monitor"));
  TRY(auto monitor, MappedArray<masq_monitor>::open(monitor_fd.get(), Access::change));
  TRY(auto lock, os::lock_directory(pins.maps(), "reader of events"));
  auto events = std::make_unique<PinnedEvents>(std::move(lock), std::move(ring), std::move(monitor));
  TRY_DO(events->start());
  return events;
}

}  // namespace masq::bpf
