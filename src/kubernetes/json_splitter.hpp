// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq::kubernetes {

// Splits JSON text that arrives in pieces into the objects that the caller handles one by one. So a list of thousands
// of objects needs the memory of one.
//
// It finds where objects begin and end, and does not check their syntax: the caller parses each of them.
class JsonSplitter {
 public:
  enum class Form : std::uint8_t {
    list,    // one object; the objects of its member "items" are handed out (a list of the Kubernetes API)
    stream,  // objects one after the other (a watch of the Kubernetes API)
  };
  // Gets the text of one object; its error ends the splitting.
  using HandleObject = std::function<Result<void>(std::string_view text)>;

  static constexpr std::size_t max_object = 8 << 20;  // etcd stores objects of 1.5 MiB by default
  static constexpr std::size_t max_rest = 1 << 20;
  static constexpr int max_depth = 128;

  JsonSplitter(Form form, HandleObject handle) : form_(form), handle_(std::move(handle)) {}

  // Fails if the text cannot be of this form, is nested too deeply, or an object is too long.
  Result<void> feed(std::string_view piece);
  // Ends the text. Fails if it is incomplete. Returns, for a list, the text without the items.
  Result<std::string> finish() const;

 private:
  Result<void> take(char c);
  Result<void> check_size() const;
  Result<void> take_outside_object(char c);
  void follow_member(char c);
  void follow_nesting(char c);
  int object_depth() const { return form_ == Form::list ? 2 : 0; }

  Form form_;
  HandleObject handle_;
  std::string object_;  // the object that is being read
  std::string rest_;    // of a list: the text around the items
  std::string name_;    // of a list: the last text in quotes directly in the outer object
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool in_object_ = false;
  bool in_items_ = false;
  bool is_complete_ = false;
};

}  // namespace masq::kubernetes
