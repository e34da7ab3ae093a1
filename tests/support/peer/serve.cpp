// SPDX-License-Identifier: Apache-2.0
// The server: one process a protocol and port, both families.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "tests/support/peer/progress.hpp"
#include "tests/support/peer/sockets.hpp"
#include "tests/support/peer/transfer.hpp"

namespace masq::peer {
namespace {

void note(const Request& request, const Endpoint& source, std::uint16_t source_port, const std::string& destination) {
  const std::string line = request.protocol + " " + source.address() + " " + std::to_string(source_port) + " " +
                           destination + " " + std::to_string(request.port) + "\n";
  const int log = ::open(request.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0 || ::write(log, line.data(), line.size()) < 0) die_of_errno(request.log);
  ::close(log);
}

std::string seen_as(const Endpoint& source) {
  return source.address() + " " + std::to_string(source.port()) + "\n";
}

// --- TCP ------------------------------------------------------------------------------------------------------------

bool answer_line(int fd, LineReader& stream, const std::string& line, const Endpoint& source) {
  if (line == who) return send_all(fd, seen_as(source));
  if (line == "DOWN\n") {
    while (send_all(fd, block())) {
    }
    return false;
  }
  if (line == "UP\n") {
    const auto total = receive_blocks(stream, [](std::uint64_t) { return false; });
    return total && send_all(fd, std::to_string(*total) + "\n");
  }
  return line != "BYE\n" && send_all(fd, line);
}

void serve_connection(const Request& request, const Socket& connection) {
  Endpoint source, destination;
  if (::getpeername(connection.fd(), source.raw(), &source.length) != 0) return;
  if (::getsockname(connection.fd(), destination.raw(), &destination.length) != 0) return;
  note(request, source, source.port(), destination.address());
  LineReader stream(connection.fd());
  for (std::string line = stream.next(); !line.empty(); line = stream.next()) {
    if (!answer_line(connection.fd(), stream, line, source)) return;
  }
}

void serve_tcp(const Request& request) {
  const Socket server(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1, no = 0;
  ::setsockopt(server.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  ::setsockopt(server.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
  Endpoint any = endpoint_of("", request.port, AF_INET6);
  if (::bind(server.fd(), any.raw(), any.length) != 0 || ::listen(server.fd(), 4096) != 0) die_of_errno("listen");
  write_file(request.ready, "ready");
  for (;;) {
    Socket connection(::accept4(server.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.fd() < 0) die_of_errno("accept");
    std::thread([&request, mine = std::move(connection)] { serve_connection(request, mine); }).detach();
  }
}

// --- UDP: answered from the address that was asked ------------------------------------------------------------------

Socket datagram_server(int family, std::uint16_t port) {
  Socket server(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  if (family == AF_INET6) ::setsockopt(server.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
  if (family == AF_INET6) ::setsockopt(server.fd(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
  if (family == AF_INET) ::setsockopt(server.fd(), IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes));
  Endpoint any = endpoint_of("", port, family);
  if (::bind(server.fd(), any.raw(), any.length) != 0) die_of_errno("bind");
  return server;
}

// The destination of a datagram, in text. The packet information becomes that of the answer: its source.
std::string asked_address(msghdr& message) {
  Endpoint asked;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      auto& information = *reinterpret_cast<in_pktinfo*>(CMSG_DATA(part));
      asked.storage.ss_family = AF_INET;
      reinterpret_cast<sockaddr_in&>(asked.storage).sin_addr = information.ipi_addr;
      information = {0, information.ipi_addr, {}};
    } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      const auto& information = *reinterpret_cast<in6_pktinfo*>(CMSG_DATA(part));
      asked.storage.ss_family = AF_INET6;
      reinterpret_cast<sockaddr_in6&>(asked.storage).sin6_addr = information.ipi6_addr;
    }
  }
  return asked.address();
}

void answer_datagram(const Request& request, int server) {
  static std::array<char, 65536> buffer;
  alignas(cmsghdr) std::array<char, 256> control;
  Endpoint source;
  iovec part = {buffer.data(), buffer.size()};
  msghdr message = {source.raw(), source.length, &part, 1, control.data(), control.size(), 0};
  const ssize_t got = ::recvmsg(server, &message, 0);
  if (got < 0) return;  // an ICMP error that was reported to this socket
  source.length = message.msg_namelen;
  note(request, source, source.port(), asked_address(message));
  std::string answer = seen_as(source);
  if (static_cast<std::size_t>(got) > who.size()) answer.append(buffer.data() + who.size(), got - who.size());
  part = {answer.data(), answer.size()};
  message.msg_flags = 0;
  ::sendmsg(server, &message, MSG_NOSIGNAL);
}

void serve_udp(const Request& request) {
  const Socket servers[] = {datagram_server(AF_INET, request.port), datagram_server(AF_INET6, request.port)};
  write_file(request.ready, "ready");
  pollfd waiting[] = {{servers[0].fd(), POLLIN, 0}, {servers[1].fd(), POLLIN, 0}};
  while (::poll(waiting, 2, -1) >= 0) {
    for (const pollfd& each : waiting) {
      if (each.revents != 0) answer_datagram(request, each.fd);
    }
  }
}

// --- ping: the kernel answers; the caller's identifier is noted as its port -----------------------------------------

void note_ping(const Request& request, int listener, int family) {
  std::array<unsigned char, 65536> packet;
  Endpoint source;
  const ssize_t got = ::recvfrom(listener, packet.data(), packet.size(), 0, source.raw(), &source.length);
  const std::size_t header = family == AF_INET ? (packet[0] & 15U) * 4 : 0;
  if (got < static_cast<ssize_t>(header + 8) || packet[header] != (family == AF_INET ? 8 : 128)) return;
  std::string destination = "-";
  if (family == AF_INET) {
    Endpoint asked = endpoint_of("", 0, AF_INET);
    std::memcpy(&reinterpret_cast<sockaddr_in&>(asked.storage).sin_addr, &packet[16], 4);
    destination = asked.address();
  }
  note(request, source, static_cast<std::uint16_t>(packet[header + 4] << 8 | packet[header + 5]), destination);
}

void serve_ping(const Request& request) {
  const Socket listeners[] = {Socket(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)),
                              Socket(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6))};
  if (listeners[0].fd() < 0 || listeners[1].fd() < 0) die_of_errno("socket");
  write_file(request.ready, "ready");
  pollfd waiting[] = {{listeners[0].fd(), POLLIN, 0}, {listeners[1].fd(), POLLIN, 0}};
  while (::poll(waiting, 2, -1) >= 0) {
    if (waiting[0].revents != 0) note_ping(request, waiting[0].fd, AF_INET);
    if (waiting[1].revents != 0) note_ping(request, waiting[1].fd, AF_INET6);
  }
}

}  // namespace

void serve(const Request& request) {
  if (request.protocol == "tcp") serve_tcp(request);
  if (request.protocol == "udp") serve_udp(request);
  serve_ping(request);
}

}  // namespace masq::peer
