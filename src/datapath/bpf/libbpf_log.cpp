// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/libbpf_log.hpp"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <string>
#include <string_view>

namespace masq::bpf {
namespace {

// libbpf has one print function per process; this variable gives it the collector of its thread.
thread_local std::string* collector = nullptr;

int collect(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || collector == nullptr) return 0;
  char line[4096];
  std::vsnprintf(line, sizeof line, format, arguments);
  *collector += line;
  return 0;
}

}  // namespace

LibbpfLog::LibbpfLog() {
  collector = &text_;
  libbpf_set_print(collect);
}

LibbpfLog::~LibbpfLog() {
  collector = nullptr;
}

std::string LibbpfLog::reason() const {
  constexpr std::string_view prefix = "libbpf: ";
  std::string_view line = std::string_view(text_).substr(0, text_.find('\n'));
  if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
  return std::string(line);
}

}  // namespace masq::bpf
