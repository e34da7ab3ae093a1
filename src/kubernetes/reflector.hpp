// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/http_client.hpp"
#include "kubernetes/json_splitter.hpp"
#include "os/timers.hpp"

namespace masq::kubernetes {

using Json = nlohmann::json;

// What a Reflector finds. An error of a function means that the object is not as expected: the request fails, and is
// repeated later.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  // A list begins. What is known stays in force until end_list().
  virtual void begin_list() = 0;
  virtual Result<void> list(const Json& object) = 0;
  // The list is complete. Returns false if another list must confirm it.
  virtual bool end_list() = 0;
  // The object was added or changed.
  virtual Result<void> set(const Json& object) = 0;
  virtual Result<void> remove(const Json& object) = 0;
  // The server has said something: what is known is up to date now.
  virtual void in_touch() = 0;
  virtual void lose_touch(const Error& error) = 0;
};

// The objects of a resource, all of them or those that a field selector selects.
struct Resource {
  std::string path;            // "/api/v1/nodes"
  std::string field_selector;  // "metadata.name=masq"; empty: all
  // Members, at any depth, that the sink does not read. They are most of a Node: no values are made of them.
  std::set<std::string, std::less<>> unread{};
};

// Keeps an ObjectSink equal to a resource of the API: a list in chunks, then a watch that goes on where the last one
// ended. Only if the server has forgotten that version (410) it lists again.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
class Reflector {
 public:
  struct Pace {
    using Duration = std::chrono::milliseconds;
    Duration first_retry = std::chrono::seconds(1);
    Duration max_retry = std::chrono::seconds(30);
    Duration spread = std::chrono::seconds(5);        // over which many agents list again
    Duration confirm = std::chrono::seconds(5);       // between a list and the one that confirms it
    Duration watch = std::chrono::minutes(5);         // one to two times this
    Duration max_silence = std::chrono::seconds(40);  // of a watch; then it is opened anew by another connection
    Duration good_watch = std::chrono::seconds(10);   // a watch of this duration ends the back-off
  };

  Reflector(StartRequest start_request, os::Timers& timers, Resource resource, ObjectSink& sink, Random random,
            Pace pace);
  Reflector(StartRequest start_request, os::Timers& timers, Resource resource, ObjectSink& sink, Random random)
      : Reflector(std::move(start_request), timers, std::move(resource), sink, std::move(random), Pace()) {}

  void start() { list(); }

  static constexpr int chunk = 500;

 private:
  enum class Step : std::uint8_t { list, watch };

  void list();
  void watch();
  void request(const ApiRequest& request, JsonSplitter::Form form, JsonSplitter::HandleObject handle);
  Result<void> receive(int status, std::string_view piece);
  void end_list_request(const Result<int>& status);
  Result<void> end_chunk();
  void end_watch(const Result<int>& status);
  void end_silent_watch();
  Result<void> take_event(std::string_view text);
  void retry(Step step, const Error& error);
  Pace::Duration jittered(Pace::Duration delay);
  void run_later(Step step, Pace::Duration delay);
  std::string query(const std::string& parameters) const;
  Result<std::string> failure(const Result<int>& status) const;

  StartRequest start_request_;
  os::Timers& timers_;
  Resource resource_;
  ObjectSink& sink_;
  Random random_;
  Pace pace_;
  Pace::Duration retry_delay_;

  std::string version_;   // resourceVersion of what the sink has
  std::string continue_;  // the next chunk of a list; empty: the first
  bool in_chunks_ = true;
  bool new_connection_ = false;
  std::optional<int> watch_error_;  // the code of an event ERROR
  std::optional<os::Timers::Clock::time_point> watch_began_;

  bool is_answered_ = false;  // the server has answered the request with 200
  bool is_refused_ = false;   // the answer is not as expected
  std::optional<JsonSplitter> splitter_;
  std::string refusal_;  // the body of a reply with another status than 200, as far as it is shown
  std::unique_ptr<HttpClient::Exchange> exchange_;
  os::Timer silence_;
  os::Timer next_;
};

}  // namespace masq::kubernetes
