// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace masq::os {

// Writes the attributes of a netlink message one after the other. An attribute has less than 64 KiB, also with those
// inside it.
class NetlinkWriter {
 public:
  void bytes(int type, std::span<const std::uint8_t> payload);
  void text(int type, std::string_view text);  // with a zero byte at its end
  void u8(int type, std::uint8_t value);
  // In network byte order.
  void be16(int type, std::uint16_t value);
  void be32(int type, std::uint32_t value);
  // An attribute that contains those that `write` writes.
  template <class Write>
  void nested(int type, Write write) {
    const auto start = begin_attribute(type | NLA_F_NESTED);
    write();
    end_attribute(start);
  }

  // Bytes without an attribute: the header of a message.
  void raw(std::span<const std::uint8_t> header);
  // A whole message with the attributes that `write` writes.
  template <class Write>
  void message(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence, std::span<const std::uint8_t> header,
               Write write) {
    const auto start = begin_message(type, flags, sequence, header);
    write();
    end_message(start);
  }

  const std::vector<std::uint8_t>& written() const { return written_; }

 private:
  std::size_t begin_attribute(int type);
  void end_attribute(std::size_t start);
  std::size_t begin_message(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence,
                            std::span<const std::uint8_t> header);
  void end_message(std::size_t start);
  void pad();

  std::vector<std::uint8_t> written_;
};

}  // namespace masq::os
