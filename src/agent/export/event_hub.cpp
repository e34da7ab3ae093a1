// SPDX-License-Identifier: Apache-2.0
#include "agent/export/event_hub.hpp"

#include <fmt/ranges.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "datapath/event.hpp"
#include "datapath/event_json.hpp"
#include "datapath/event_source.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"
#include "os/timers.hpp"

namespace masq::agent {
namespace {

constexpr std::size_t max_waiting = 256 << 10;  // bytes of a reader's lines that wait to be sent
constexpr std::size_t max_readers = 100;

std::string lost_line(std::uint64_t count) {
  return fmt::format("{{\"type\":\"notShown\",\"kind\":\"lost\",\"count\":{}}}\n", count);
}

}  // namespace

class EventHub::Reader {
 public:
  Reader(os::Fd connection, EventTypes types) : connection_(std::move(connection)), types_(std::move(types)) {}

  Result<void> start(os::EventLoop& loop) {
    TRY(watch_, loop.watch(connection_.get(), EPOLLIN, [this](std::uint32_t events) { ready(events); }));
    return {};
  }

  const EventTypes& types() const { return types_; }
  bool is_closed() const { return closed_; }
  void lose(std::uint64_t count) { lost_ += count; }

  void write(const Event& event, std::string_view line) {
    if (!has_type(types_, event.type)) return;
    if (waiting_.size() + line.size() > max_waiting) return lose(1);
    waiting_ += line;
  }

  void report_lost() {
    if (lost_ == 0 || waiting_.size() > max_waiting) return;
    waiting_ += lost_line(std::exchange(lost_, 0));
  }

  void send_waiting() {
    const ssize_t sent = ::send(connection_.get(), waiting_.data(), waiting_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) waiting_.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) closed_ = true;
    const std::uint32_t wanted = waiting_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
    if (!closed_ && wanted != std::exchange(watched_, wanted)) closed_ = !watch_.change(wanted);
  }

 private:
  // A reader sends nothing after its request, so readable means closed.
  void ready(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) send_waiting();
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return;
    closed_ = true;
    watch_.stop();
  }

  os::Fd connection_;
  EventTypes types_;
  os::EventLoop::Watch watch_;
  std::uint32_t watched_ = EPOLLIN;
  std::string waiting_;
  std::uint64_t lost_ = 0;
  bool closed_ = false;
};

EventHub::EventHub(os::EventLoop& loop, os::Timers& timers, OpenSource open_source)
    : loop_(loop), open_source_(std::move(open_source)), second_(timers) {}
EventHub::~EventHub() = default;

Result<void> EventHub::prepare(const EventTypes& types) {
  if (readers_.size() >= max_readers) return fail("{} readers of events are connected already", max_readers);
  if (source_) return {};
  TRY(auto source, open_source_(types));
  TRY(auto arrivals, loop_.watch(source->fd(), EPOLLIN, [this](std::uint32_t) { distribute(); }));
  source_ = std::move(source);
  arrivals_ = std::move(arrivals);
  source_->renew(types);
  second_.start(std::chrono::seconds(1), [this] { pass_second(); });
  return {};
}

void EventHub::add(os::Fd connection, EventTypes types) {
  if (!prepare(types)) return;  // more than a second has passed
  auto reader = std::make_unique<Reader>(std::move(connection), std::move(types));
  if (!reader->start(loop_)) return;
  readers_.push_back(std::move(reader));
  source_->renew(wanted_types());
}

// An event is rendered once for all readers.
void EventHub::distribute() {
  source_->take([this](const Event& event) {
    const auto line = render_event_json(event) + "\n";
    for (const auto& reader : readers_) reader->write(event, line);
  });
  for (const auto& reader : readers_) reader->send_waiting();
  remove_closed();
}

// What the source lost may have been for any reader.
void EventHub::pass_second() {
  remove_closed();
  if (readers_.empty()) {
    arrivals_.stop();
    source_.reset();
    return;
  }
  const auto lost = source_->renew(wanted_types());
  for (const auto& reader : readers_) {
    reader->lose(lost);
    reader->report_lost();
    reader->send_waiting();
  }
  second_.start(std::chrono::seconds(1), [this] { pass_second(); });
}

void EventHub::remove_closed() {
  readers_.remove_if([](const auto& reader) { return reader->is_closed(); });
}

EventTypes EventHub::wanted_types() const {
  EventTypes wanted;
  for (const auto& reader : readers_) {
    if (reader->types().empty()) return {};
    wanted.insert(wanted.end(), reader->types().begin(), reader->types().end());
  }
  return wanted;
}

Result<EventTypes> parse_event_types(std::string_view target) {
  constexpr std::string_view key = "?type=";
  EventTypes types;
  const auto at = target.find(key);
  for (auto rest = at == std::string_view::npos ? std::string_view() : target.substr(at + key.size()); !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    types.push_back(event_type_of(std::string(rest.substr(0, comma))));
    if (!has_type(event_types(), types.back()))
      return fail("type: {:?}: one of {} is expected", types.back(), fmt::join(event_types(), ", "));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return types;
}

}  // namespace masq::agent
