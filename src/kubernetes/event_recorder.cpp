// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/event_recorder.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/http_client.hpp"
#include "os/timers.hpp"

namespace masq::kubernetes {
namespace {

// A Node has no namespace; the API accepts an Event about it here.
constexpr const char* events_path = "/api/v1/namespaces/default/events";
constexpr std::size_t max_name = 253;  // RFC 1123 subdomain

using WallTime = std::chrono::system_clock::time_point;

// RFC 3339 in UTC.
std::string timestamp(WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

// The name must be new: client-go takes the object's name and the time.
std::string new_name(std::string_view object, WallTime time) {
  const auto suffix = fmt::format(".{:x}", time.time_since_epoch().count());
  return std::string(object.substr(0, max_name - suffix.size())) + suffix;
}

// Of UTF-8 text, the beginning that is at most `size` bytes.
std::string beginning_of(const std::string& text, std::size_t size) {
  if (text.size() <= size) return text;
  auto end = size;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

// kubectl searches Events of a Node by its name as uid, as the kubelet writes them.
nlohmann::json event_object(const Event& event, const std::string& name, const std::string& node,
                            const std::string& component, WallTime time) {
  return {{"apiVersion", "v1"},
          {"kind", "Event"},
          {"metadata", {{"name", name}, {"namespace", "default"}}},
          {"involvedObject", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node}, {"uid", node}}},
          {"type", event.is_warning ? "Warning" : "Normal"},
          {"reason", event.reason},
          {"message", event.message},
          {"source", {{"component", component}, {"host", node}}},
          {"reportingComponent", component},
          {"reportingInstance", node},
          {"firstTimestamp", timestamp(time)},
          {"lastTimestamp", timestamp(time)},
          {"count", 1}};
}

// A message may have bytes of a file that are no UTF-8.
std::string dumped(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

EventRecorder::EventRecorder(os::Timers& timers, Parts parts, Pace pace)
    : timers_(timers), parts_(std::move(parts)), pace_(pace), retry_delay_(pace.interval), next_(timers) {}

void EventRecorder::record(Event event) {
  event.message = beginning_of(event.message, max_message);
  waiting_ = std::move(event);
  retry_delay_ = pace_.interval;
  if (!exchange_) send_later(std::chrono::duration_cast<Pace::Duration>(pace_.spread * parts_.random()));
}

// Not before the interval since the last Event has passed.
void EventRecorder::send_later(Pace::Duration delay) {
  os::Timers::Clock::duration wait = delay;
  if (wrote_at_) wait = std::max(wait, *wrote_at_ + pace_.interval - timers_.now());
  next_.start(wait, [this] { send(); });
}

void EventRecorder::send() {
  if (!waiting_) return;
  sent_ = *std::exchange(waiting_, std::nullopt);
  const auto known = find_written(sent_);
  start(known == written_.end() ? creation() : repetition(*known));
}

ApiRequest EventRecorder::creation() {
  const auto now = parts_.wall_clock();
  sent_name_ = new_name(parts_.node_name, now);
  return {.method = "POST",
          .path_and_query = events_path,
          .body = dumped(event_object(sent_, sent_name_, parts_.node_name, parts_.component, now))};
}

ApiRequest EventRecorder::repetition(const Written& written) const {
  return {.method = "PATCH",
          .path_and_query = fmt::format("{}/{}", events_path, written.name),
          .body = dumped({{"count", written.count + 1}, {"lastTimestamp", timestamp(parts_.wall_clock())}}),
          .content_type = "application/merge-patch+json"};
}

void EventRecorder::start(const ApiRequest& request) {
  refusal_.clear();
  auto started =
      parts_.start_request(request, {.began = {},
                                     .received = [this](int /*status*/, std::string_view piece) -> Result<void> {
                                       keep_refusal(refusal_, piece);
                                       return {};
                                     },
                                     .ended = [this](const Result<int>& status) { end(status); }});
  if (started)
    exchange_ = *std::move(started);
  else
    retry(started.error());
}

void EventRecorder::end(const Result<int>& status) {
  exchange_.reset();
  if (!status) return retry(status.error());
  if (*status == status_ok || *status == status_created) return succeed();
  // The API deletes Events after an hour.
  if (const auto known = find_written(sent_); *status == status_not_found && known != written_.end()) {
    written_.erase(known);
    return start(creation());
  }
  retry(Error{describe_failure(*status, refusal_)});
}

void EventRecorder::succeed() {
  wrote_at_ = timers_.now();
  if (const auto known = find_written(sent_); known != written_.end()) {
    ++known->count;
  } else {
    written_.push_back({.event = sent_, .name = sent_name_});
    if (written_.size() > max_written) written_.pop_front();
  }
  if (waiting_) send_later({});
}

void EventRecorder::retry(const Error& error) {
  if (parts_.failed) parts_.failed(error);
  if (!waiting_) waiting_ = std::move(sent_);
  send_later(std::chrono::duration_cast<Pace::Duration>(retry_delay_ * (0.5 + parts_.random())));
  retry_delay_ = std::min(retry_delay_ * 2, pace_.max_retry);
}

std::list<EventRecorder::Written>::iterator EventRecorder::find_written(const Event& event) {
  return std::ranges::find(written_, event, &Written::event);
}

}  // namespace masq::kubernetes
