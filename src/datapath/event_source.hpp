// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "datapath/event.hpp"

namespace masq {

// Values of Event::type; an empty list means all of them.
using EventTypes = std::vector<std::string>;

// The live events of one datapath: the ring of the bpf programs, or conntrack's notifications.
class EventSource {
 public:
  virtual ~EventSource() = default;

  virtual int fd() const = 0;  // readable when events are available
  // Calls `visit` for each available event.
  virtual void take(const std::function<void(const Event&)>& visit) = 0;
  // Requests events of these types for two more seconds; call it once a second, and first of all. Returns the number of
  // events that were not recorded since the last call. take() may return events of other types too.
  virtual std::uint64_t renew(const EventTypes& types) = 0;
};

// Returns every value of Event::type, in the order of enum masq_event_type.
const EventTypes& event_types();
// Returns the type that a word of the user or of another version names: itself, or "created" for "made", its name
// before 1.0.
std::string event_type_of(std::string word);
// Returns true if `types` contains the event's type.
bool has_type(const EventTypes& types, const std::string& type);

}  // namespace masq
