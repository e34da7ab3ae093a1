// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/reflector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <expected>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_members.hpp"
#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/http_client.hpp"
#include "kubernetes/json_splitter.hpp"
#include "os/timers.hpp"

namespace masq::kubernetes {
namespace {

// The server says nothing about the version that was asked for.
bool keeps_version(int status) {
  return status == status_unauthorized || status == status_busy || status == status_unavailable;
}

std::string metadata(const Json& object, const char* key) {
  return text_or_empty(member_of(member_of(object, "metadata"), key));
}

int code_of(const Json& status) {
  const auto& code = member_of(status, "code");
  return code.is_number_integer() ? code.get<int>() : 0;
}

// Tells the parser which values to make: not those of certain members.
class ReadMembers {
 public:
  explicit ReadMembers(const std::set<std::string, std::less<>>& unread) : unread_(unread) {}

  bool operator()(int depth, Json::parse_event_t event, const Json& value) {
    if (event == Json::parse_event_t::key && depth <= skipped_)
      skipped_ = unread_.contains(value.get_ref<const std::string&>()) ? depth : nowhere;
    else if (depth < skipped_)
      skipped_ = nowhere;
    return skipped_ == nowhere;
  }

 private:
  static constexpr int nowhere = std::numeric_limits<int>::max();
  const std::set<std::string, std::less<>>& unread_;
  int skipped_ = nowhere;  // the depth of the member whose value is being skipped
};

Result<Json> parse_object(std::string_view text, const std::set<std::string, std::less<>>& unread = {}) {
  auto object = unread.empty() ? Json::parse(text, nullptr, false) : Json::parse(text, ReadMembers(unread), false);
  if (!object.is_object()) return fail("the answer is no JSON: {:?}", text.substr(0, 80));
  return object;
}

}  // namespace

Reflector::Reflector(StartRequest start_request, os::Timers& timers, Resource resource, ObjectSink& sink, Random random,
                     Pace pace)
    : start_request_(std::move(start_request)),
      timers_(timers),
      resource_(std::move(resource)),
      sink_(sink),
      random_(std::move(random)),
      pace_(pace),
      retry_delay_(pace.first_retry),
      silence_(timers),
      next_(timers) {}

std::string Reflector::query(const std::string& parameters) const {
  const auto selector =
      resource_.field_selector.empty() ? "" : "&fieldSelector=" + percent_encoded(resource_.field_selector);
  return fmt::format("{}?{}{}", resource_.path, parameters, selector);
}

void Reflector::request(const ApiRequest& request, JsonSplitter::Form form, JsonSplitter::HandleObject handle) {
  splitter_.emplace(form, std::move(handle));
  refusal_.clear();
  is_answered_ = false;
  is_refused_ = false;
  const auto step = form == JsonSplitter::Form::list ? Step::list : Step::watch;
  auto started = start_request_(
      request, {.began = [this](int status) { is_answered_ = status == status_ok; },
                .received = [this](int status, std::string_view piece) { return receive(status, piece); },
                .ended =
                    [this, step](const Result<int>& status) {
                      silence_.stop();
                      if (step == Step::list)
                        end_list_request(status);
                      else
                        end_watch(status);
                    }});
  if (started)
    exchange_ = *std::move(started);
  else
    retry(step, started.error());
}

Result<void> Reflector::receive(int status, std::string_view piece) {
  if (status != status_ok) {
    keep_refusal(refusal_, piece);
    return {};
  }
  auto taken = splitter_->feed(piece);
  is_refused_ = !taken;
  return taken;
}

// Returns the refusal of the server, if it is one. An incomplete reply is an error.
Result<std::string> Reflector::failure(const Result<int>& status) const {
  TRY(const int code, status);
  return code == status_ok ? "" : describe_failure(code, refusal_);
}

void Reflector::list() {
  const auto first = continue_.empty();
  if (first) sink_.begin_list();
  const auto chunks = in_chunks_ ? fmt::format("limit={}", chunk) : "limit=0";
  request({.path_and_query = query(first ? chunks : fmt::format("{}&continue={}", chunks, percent_encoded(continue_))),
           .new_connection = new_connection_},
          JsonSplitter::Form::list, [this](std::string_view text) -> Result<void> {
            TRY(const auto object, parse_object(text, resource_.unread));
            return sink_.list(object);
          });
}

void Reflector::end_list_request(const Result<int>& status) {
  const auto refused = failure(status);
  if (refused && refused->empty()) {
    if (auto ended = end_chunk(); !ended) retry(Step::list, ended.error());
    return;
  }
  // The chunks took longer than the server remembers: a list in one piece cannot expire.
  if (status.value_or(0) == status_gone && !continue_.empty()) in_chunks_ = false;
  continue_.clear();
  retry(Step::list, refused ? Error{*refused} : refused.error());
}

Result<void> Reflector::end_chunk() {
  continue_.clear();
  TRY(const auto rest, splitter_->finish());
  TRY(const auto list, parse_object(rest));
  if (!list.contains("items")) return fail("the answer is no list");
  continue_ = metadata(list, "continue");
  if (!continue_.empty()) {
    run_later(Step::list, {});
    return {};
  }
  version_ = metadata(list, "resourceVersion");
  if (version_.empty()) return fail("the list has no resourceVersion");
  in_chunks_ = true;
  new_connection_ = false;
  if (sink_.end_list())
    run_later(Step::watch, {});
  else
    run_later(Step::list, pace_.confirm);
  return {};
}

void Reflector::watch() {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(pace_.watch * (1 + random_())).count();
  watch_error_.reset();
  watch_began_ = timers_.now();
  request({.path_and_query = query(fmt::format("watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
                                               percent_encoded(version_), seconds)),
           .new_connection = new_connection_,
           // The silence of a watch is no failure: end_silent_watch() comes first.
           .silence_limit = pace_.max_silence * 2},
          JsonSplitter::Form::stream, [this](std::string_view text) { return take_event(text); });
  if (exchange_) silence_.start(pace_.max_silence, [this] { end_silent_watch(); });
}

// The server may hang, or the connection may be dead. Another connection may reach another server.
void Reflector::end_silent_watch() {
  exchange_.reset();
  new_connection_ = true;
  watch();
}

Result<void> Reflector::take_event(std::string_view text) {
  silence_.start(pace_.max_silence, [this] { end_silent_watch(); });
  new_connection_ = false;
  TRY(const auto event, parse_object(text, resource_.unread));
  const auto type = text_or_empty(member_of(event, "type"));
  const auto& object = member_of(event, "object");
  if (type == "ERROR") {
    watch_error_ = code_of(object);
    return fail("{}", describe_failure(*watch_error_, object.dump()));
  }
  const auto version = metadata(object, "resourceVersion");
  if (version.empty()) return fail("a watch event without a resourceVersion");
  if (type == "ADDED" || type == "MODIFIED") TRY_DO(sink_.set(object));
  if (type == "DELETED") TRY_DO(sink_.remove(object));
  version_ = version;
  sink_.in_touch();
  return {};
}

void Reflector::end_watch(const Result<int>& status) {
  const auto lasted = timers_.now() - *watch_began_;
  if (lasted >= pace_.good_watch) retry_delay_ = pace_.first_retry;
  const auto refused = failure(status);
  if (watch_error_.value_or(status.value_or(0)) == status_gone) {
    const auto delay = std::chrono::duration_cast<Pace::Duration>(pace_.spread * random_());
    return run_later(Step::list, delay);
  }
  // A watch that ends is opened again; it is a failure only if that fails.
  if (!refused && is_answered_ && !is_refused_) {
    new_connection_ = true;
    return run_later(Step::watch, jittered(pace_.first_retry));
  }
  if (!refused) return retry(watch_error_ ? Step::list : Step::watch, refused.error());
  // A server that is busy, or does not know the token, keeps the version. Others may mean the version itself.
  if (!refused->empty()) return retry(keeps_version(*status) ? Step::watch : Step::list, Error{*refused});
  sink_.in_touch();
  run_later(Step::watch, lasted >= pace_.good_watch ? Pace::Duration() : pace_.first_retry);
}

void Reflector::retry(Step step, const Error& error) {
  sink_.lose_touch(error);
  new_connection_ = true;
  const auto delay = jittered(retry_delay_);
  retry_delay_ = std::min(retry_delay_ * 2, pace_.max_retry);
  run_later(step, delay);
}

// Half to one and a half of it.
Reflector::Pace::Duration Reflector::jittered(Pace::Duration delay) {
  return std::chrono::duration_cast<Pace::Duration>(delay * (0.5 + random_()));
}

void Reflector::run_later(Step step, Pace::Duration delay) {
  next_.start(delay, [this, step] {
    exchange_.reset();
    if (step == Step::list)
      list();
    else
      watch();
  });
}

}  // namespace masq::kubernetes
