// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "datapath/event_source.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// Hands the events of one source to any number of readers. The source is open while there is a reader; without
// readers the kernel records no events. A slow reader loses events of its own, and receives their number.
class EventHub {
 public:
  using OpenSource = std::function<Result<std::unique_ptr<EventSource>>(const EventTypes& types)>;

  EventHub(os::EventLoop& loop, os::Timers& timers, OpenSource open_source);
  ~EventHub();

  // Opens the source for a reader that wants `types` and follows within a second.
  Result<void> prepare(const EventTypes& types);
  // Adds a reader: each event becomes a line of JSON on its stream socket, until the reader closes it. A line
  // {"type":"notShown","kind":"lost","count":N} reports events that this reader did not receive.
  void add(os::Fd connection, EventTypes types);

  std::size_t readers() const { return readers_.size(); }

 private:
  class Reader;

  void distribute();
  void pass_second();
  void remove_closed();
  EventTypes wanted_types() const;

  os::EventLoop& loop_;
  OpenSource open_source_;
  std::unique_ptr<EventSource> source_;
  os::EventLoop::Watch arrivals_;
  os::Timer second_;
  std::list<std::unique_ptr<Reader>> readers_;
};

// Returns the event types of "type=created,drop" in a request's target; without them, all. Fails for an unknown type.
Result<EventTypes> parse_event_types(std::string_view target);

}  // namespace masq::agent
