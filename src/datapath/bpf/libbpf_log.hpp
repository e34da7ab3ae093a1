// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace masq::bpf {

// Collects libbpf's messages on this thread during its lifetime, because libbpf's error numbers are rarely sufficient.
// libbpf then prints nothing to stderr. Only one collector at a time.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  // Returns the first meaningful line, without libbpf's prefix; empty if there is none.
  std::string reason() const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace masq::bpf
