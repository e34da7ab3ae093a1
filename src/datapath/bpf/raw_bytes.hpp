// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace masq::bpf {

// The bytes of a key or value of a map: something to compare and to sort by.
template <class T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace masq::bpf
