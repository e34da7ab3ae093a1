// SPDX-License-Identifier: Apache-2.0
#include "os/tcp_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

#include "base/address.hpp"
#include "base/result.hpp"
#include "os/fd.hpp"

namespace masq::os {
namespace {

// The kernel's maximum: a client whose SYN meets a full queue retries only a second later.
constexpr int waiting_connections = SOMAXCONN;

struct Endpoint {
  Address host;
  std::uint16_t port = 0;
};

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  auto host = text.substr(0, colon == text.npos ? 0 : colon);
  const auto digits = text.substr(colon == text.npos ? text.size() : colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  Endpoint endpoint;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  const auto address = Address::parse(host.empty() ? "::" : host);
  if (error != std::errc() || end != digits.data() + digits.size() || !address)
    return fail("{:?}: not an address and port", text);
  endpoint.host = *address;
  return endpoint;
}

struct SocketAddress {
  sockaddr_storage raw{};
  socklen_t size = 0;
};

SocketAddress to_socket_address(const Endpoint& endpoint) {
  SocketAddress address;
  const auto bytes = endpoint.host.bytes();
  if (endpoint.host.family() == Family::ipv4) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.raw);
    in->sin_family = AF_INET;
    in->sin_port = htons(endpoint.port);
    std::memcpy(&in->sin_addr, bytes.data(), bytes.size());
    address.size = sizeof *in;
  } else {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&address.raw);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(endpoint.port);
    std::memcpy(&in6->sin6_addr, bytes.data(), bytes.size());
    address.size = sizeof *in6;
  }
  return address;
}

Result<Fd> listen_at(const Endpoint& endpoint) {
  const auto address = to_socket_address(endpoint);
  Fd fd(socket(address.raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail("socket: {}", std::strerror(errno));
  const int yes = 1, no = 0;
  // Allows a new server to bind while connections of an ended server remain.
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (endpoint.host.family() == Family::ipv6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.raw), address.size) != 0 ||
      listen(fd.get(), waiting_connections) != 0)
    return fail("{}", std::strerror(errno));
  return fd;
}

}  // namespace

Result<Fd> listen_on_tcp(const std::string& address) {
  TRY(auto endpoint, parse_endpoint(address));
  auto fd = listen_at(endpoint);
  // A kernel without IPv6 still has IPv4.
  if (!fd && address.starts_with(':')) fd = listen_at({.host = Address(), .port = endpoint.port});
  if (!fd) return fail("listen on {}: {}", address, fd.error().message);
  return fd;
}

}  // namespace masq::os
