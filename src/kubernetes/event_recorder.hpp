// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/http_client.hpp"
#include "os/timers.hpp"

namespace masq::kubernetes {

// The part of an Event that differs between Events of one object.
struct Event {
  bool is_warning = false;
  std::string reason;   // one word in CamelCase
  std::string message;  // it is cut at 1024 bytes, the API's limit
  bool operator==(const Event&) const = default;
};

// Writes Events about a Node, as `kubectl describe node` and `kubectl get events` show them (core/v1, namespace
// default). https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
//
// The API gets at most one Event in each `interval`: of several, the last one. An Event that returns increments the
// count of its object. A failure is repeated with back-off, until another Event replaces it.
class EventRecorder {
 public:
  struct Pace {
    using Duration = std::chrono::milliseconds;
    Duration spread = std::chrono::seconds(5);  // over which many agents write at the same news
    Duration interval = std::chrono::seconds(10);
    Duration max_retry = std::chrono::minutes(10);
  };
  struct Parts {
    std::string node_name;
    std::string component;  // "masqd"
    StartRequest start_request;
    Random random;
    std::function<std::chrono::system_clock::time_point()> wall_clock = std::chrono::system_clock::now;
    std::function<void(const Error&)> failed;  // called for each failure
  };

  EventRecorder(os::Timers& timers, Parts parts, Pace pace);
  EventRecorder(os::Timers& timers, Parts parts) : EventRecorder(timers, std::move(parts), Pace()) {}

  void record(Event event);

  static constexpr std::size_t max_message = 1024;
  static constexpr std::size_t max_written = 16;  // objects whose count can be incremented

 private:
  // An object of the API that this recorder has created.
  struct Written {
    Event event;
    std::string name;
    int count = 1;
  };

  void send();
  void start(const ApiRequest& request);
  ApiRequest creation();
  ApiRequest repetition(const Written& written) const;
  void end(const Result<int>& status);
  void succeed();
  void retry(const Error& error);
  void send_later(Pace::Duration delay);
  std::list<Written>::iterator find_written(const Event& event);

  os::Timers& timers_;
  Parts parts_;
  Pace pace_;
  std::optional<Event> waiting_;  // it is not written yet
  Event sent_;                    // the subject of the running request
  std::string sent_name_;
  std::string refusal_;  // the body of a refused request, as far as it is shown
  std::list<Written> written_;
  Pace::Duration retry_delay_;
  std::optional<os::Timers::Clock::time_point> wrote_at_;
  std::unique_ptr<HttpClient::Exchange> exchange_;
  os::Timer next_;
};

}  // namespace masq::kubernetes
