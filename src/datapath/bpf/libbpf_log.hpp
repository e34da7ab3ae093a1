// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace masq {

// Collects what libbpf says on this thread while it lives, instead of letting it print to stderr: libbpf's numbers
// alone rarely tell what is wrong. One at a time.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  // The first line of substance, without libbpf's prefix; empty when nothing was said.
  std::string reason() const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace masq
