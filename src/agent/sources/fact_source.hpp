// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "agent/sources/source.hpp"
#include "base/caught.hpp"
#include "base/result.hpp"
#include "os/timers.hpp"

namespace masq::agent {

// One fact: a complete value, its age and the last error. A failure keeps the last value.
//
// A source that receives values, for example from a watch over a network, uses this class and calls push() or fail().
// A source that reads them on request is a ListedSource.
template <class T>
class FactSource : public Source {
 public:
  using Changed = std::function<void()>;

  // `initial` is in force until the first value. `changed` is called after push() and fail().
  FactSource(std::string name, Need need, os::Timers& timers, Changed changed = {}, T initial = {})
      : Source(std::move(name), need), timers_(timers), changed_(std::move(changed)), value_(std::move(initial)) {}

  // The last value; before the first one the initial value.
  const T& value() const { return value_; }

  void push(T value) {
    store(std::move(value));
    report_change();
  }
  void fail(const Error& error, FindingKind kind = FindingKind::source) {
    store_failure(error, kind);
    report_change();
  }

 protected:
  os::Timers& timers() const { return timers_; }
  // Replaces the initial value.
  void initialise(T value) { value_ = std::move(value); }
  void store(T value) {
    value_ = std::move(value);
    record_value(timers_.now());
  }
  void store_failure(const Error& error, FindingKind kind = FindingKind::source) {
    record_error(timers_.now(), error.message, kind);
  }
  // The last value is still the current one.
  void renew() { record_value(timers_.now()); }
  void report_change() const {
    if (changed_) changed_();
  }

 private:
  os::Timers& timers_;
  Changed changed_;
  T value_;
};

// A fact that list() reads completely: at the first read(), and after an event or wake(). A failure is repeated at the
// next read().
template <class T>
class ListedSource : public FactSource<T> {
 public:
  using FactSource<T>::FactSource;

  void wake() override { stale_ = true; }
  void read() override {
    if (!stale_) return;
    auto value = caught([this] { return list(); });
    stale_ = !value;
    if (value)
      this->store(*std::move(value));
    else
      this->store_failure(value.error());
  }

 protected:
  virtual Result<T> list() = 0;
  // An event reports that the fact may have changed.
  void invalidate() {
    wake();
    this->report_change();
  }

 private:
  bool stale_ = true;
};

}  // namespace masq::agent
