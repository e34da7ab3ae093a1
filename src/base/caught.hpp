// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>

#include "base/result.hpp"

namespace masq {

// Returns what `work` returns, a Result, and an exception of it as an error. Our functions throw none; the standard
// library does (std::bad_alloc, std::filesystem), and so do libraries. Used where one part must not stop the others.
template <class Work>
auto caught(Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& error) {
    return fail("internal error: {}", error.what());
  }
}

}  // namespace masq
