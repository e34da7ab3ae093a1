// SPDX-License-Identifier: Apache-2.0
#include "os/netlink_writer.hpp"

#include <arpa/inet.h>
#include <linux/netlink.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace masq::os {
namespace {

template <class Value>
auto bytes_of(Value value) {
  return std::bit_cast<std::array<std::uint8_t, sizeof(Value)>>(value);
}

}  // namespace

void NetlinkWriter::bytes(int type, std::span<const std::uint8_t> payload) {
  const auto start = begin_attribute(type);
  raw(payload);
  end_attribute(start);
}

void NetlinkWriter::text(int type, std::string_view text) {
  const auto start = begin_attribute(type);
  written_.insert(written_.end(), text.begin(), text.end());
  written_.push_back(0);
  end_attribute(start);
}

void NetlinkWriter::u8(int type, std::uint8_t value) {
  bytes(type, bytes_of(value));
}

void NetlinkWriter::be16(int type, std::uint16_t value) {
  bytes(type, bytes_of(htons(value)));
}

void NetlinkWriter::be32(int type, std::uint32_t value) {
  bytes(type, bytes_of(htonl(value)));
}

void NetlinkWriter::raw(std::span<const std::uint8_t> header) {
  written_.insert(written_.end(), header.begin(), header.end());
}

void NetlinkWriter::pad() {
  written_.resize(NLA_ALIGN(written_.size()));
}

std::size_t NetlinkWriter::begin_attribute(int type) {
  const auto start = written_.size();
  raw(bytes_of(nlattr{.nla_len = 0, .nla_type = static_cast<std::uint16_t>(type)}));
  return start;
}

void NetlinkWriter::end_attribute(std::size_t start) {
  const auto length = static_cast<std::uint16_t>(written_.size() - start);
  std::memcpy(written_.data() + start + offsetof(nlattr, nla_len), &length, sizeof length);
  pad();
}

std::size_t NetlinkWriter::begin_message(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence,
                                         std::span<const std::uint8_t> header) {
  const auto start = written_.size();
  raw(bytes_of(nlmsghdr{.nlmsg_len = 0,
                        .nlmsg_type = type,
                        .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
                        .nlmsg_seq = sequence,
                        .nlmsg_pid = 0}));
  raw(header);
  pad();
  return start;
}

void NetlinkWriter::end_message(std::size_t start) {
  const auto length = static_cast<std::uint32_t>(written_.size() - start);
  std::memcpy(written_.data() + start + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
}

}  // namespace masq::os
