// SPDX-License-Identifier: Apache-2.0
#include "os/tar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq::os {
namespace {

constexpr std::size_t block = 512;

// The fields of a header that a regular file needs: place and length, in bytes. Numbers are octal, and end with a NUL.
struct Field {
  std::size_t offset;
  std::size_t length;
};
constexpr Field name_field{0, 100}, mode_field{100, 8}, uid_field{108, 8}, gid_field{116, 8}, size_field{124, 12},
    time_field{136, 12}, checksum_field{148, 8}, type_field{156, 1}, magic_field{257, 8};
constexpr std::string_view magic("ustar\00000", 8);  // and the version

void put(std::string& header, Field field, std::string_view text) {
  std::ranges::copy(text.substr(0, field.length), header.begin() + static_cast<std::ptrdiff_t>(field.offset));
}

void put_number(std::string& header, Field field, std::uint64_t number) {
  put(header, field, fmt::format("{:0{}o}", number, field.length - 1));
}

// The sum of all bytes, those of the checksum taken as blanks.
void put_checksum(std::string& header) {
  put(header, checksum_field, std::string(checksum_field.length, ' '));
  std::uint32_t sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  put(header, checksum_field, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
}

std::string header_of(const TarEntry& entry, std::chrono::system_clock::time_point time) {
  std::string header(block, '\0');
  put(header, name_field, entry.name);
  put_number(header, mode_field, 0600);
  put_number(header, uid_field, 0);
  put_number(header, gid_field, 0);
  put_number(header, size_field, entry.text.size());
  put_number(header, time_field, static_cast<std::uint64_t>(std::chrono::system_clock::to_time_t(time)));
  put(header, type_field, "0");
  put(header, magic_field, magic);
  put_checksum(header);
  return header;
}

}  // namespace

Result<std::string> make_tar(std::span<const TarEntry> entries, std::chrono::system_clock::time_point time) {
  std::string archive;
  for (const auto& entry : entries) {
    if (entry.name.size() > name_field.length)
      return fail("{:?}: a name of at most {} bytes is expected", entry.name, name_field.length);
    archive += header_of(entry, time) + entry.text;
    archive.resize((archive.size() + block - 1) / block * block);
  }
  archive.append(2 * block, '\0');
  return archive;
}

}  // namespace masq::os
