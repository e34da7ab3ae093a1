// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/pins.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace masq {

Result<void> make_directory(const std::filesystem::path& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fail("{}: {}", path.string(), std::strerror(errno));
  return {};
}

Result<void> Pins::make_directories() const {
  for (const auto& path : {root_, maps(), links()})
    if (auto made = make_directory(path); !made) return made;
  return {};
}

std::vector<std::string> Pins::devices() const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(links(), error))
    names.push_back(unescape(entry.path().filename().string()));
  std::ranges::sort(names);
  return names;
}

std::string Pins::escape(std::string_view device) {
  std::string out;
  for (char c : device) {
    if (c == '.')
      out += "%2e";
    else if (c == '%')
      out += "%25";
    else
      out += c;
  }
  return out;
}

std::string Pins::unescape(std::string_view file) {
  std::string out;
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto code = file.substr(i, 3);
    if (code == "%2e" || code == "%25") {
      out += code == "%2e" ? '.' : '%';
      i += 2;
    } else {
      out += file[i];
    }
  }
  return out;
}

}  // namespace masq
