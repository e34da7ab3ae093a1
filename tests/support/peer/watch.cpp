// SPDX-License-Identifier: Apache-2.0
// The leak watcher: listens behind the uplinks and writes down packets that show a pod's address.
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tests/support/peer/watch_filter.hpp"

namespace masq::watch {
namespace {

constexpr auto usage = R"(lab_watch --out FILE --ready FILE --pods CIDR... DEVICE...

FILE holds a line "ADDRESS DESTINATION WHAT DEVICE" for each different one: packets of any protocol with a pod's source
address, whole or in fragments, with VLAN tags or without; and ICMP errors that quote a pod's address. The socket filter
lets little else through, so the watcher costs nothing and misses nothing. Devices are Ethernet, or have no link header.)";

using Bytes = std::span<const std::uint8_t>;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "lab_watch: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

std::uint16_t word_at(Bytes data, std::size_t at) {
  return static_cast<std::uint16_t>(data[at] << 8 | data[at + 1]);
}

template <class Values>
bool holds(const Values& values, unsigned value) {
  return std::find(std::begin(values), std::end(values), value) != std::end(values);
}

// --- a packet -------------------------------------------------------------------------------------------------------

// The frame without Ethernet header and tags (the kernel has removed the first tag); empty when it is no IP packet.
Bytes ip_packet(std::uint16_t kind, unsigned hardware, Bytes data) {
  if (hardware == ARPHRD_ETHER) data = data.subspan(std::min<std::size_t>(14, data.size()));
  while (holds(tag_kinds, kind) && data.size() >= 4) {
    kind = word_at(data, 2);
    data = data.subspan(4);
  }
  return kind == 0x0800 || kind == 0x86DD ? data : Bytes{};
}

bool is_ipv4(Bytes packet) {
  return packet[0] >> 4 == 4;
}
bool is_whole(Bytes packet) {
  return !packet.empty() && packet.size() >= (packet[0] >> 4 == 6 ? 40U : 20U);
}
Bytes source_of(Bytes packet) {
  return is_ipv4(packet) ? packet.subspan(12, 4) : packet.subspan(8, 16);
}
Bytes destination_of(Bytes packet) {
  return is_ipv4(packet) ? packet.subspan(16, 4) : packet.subspan(24, 16);
}

struct Transport {
  unsigned protocol;
  Bytes header;  // empty in a fragment that is not the first
};

Transport transport_of(Bytes packet) {
  if (is_ipv4(packet)) {
    const bool later = (word_at(packet, 6) & 0x1FFF) != 0;
    const std::size_t length = std::min<std::size_t>((packet[0] & 15U) * 4, packet.size());
    return {packet[9], later ? Bytes{} : packet.subspan(length)};
  }
  unsigned protocol = packet[6];
  std::size_t at = 40;
  while (holds(extension_headers, protocol) && at + 8 <= packet.size()) {
    if (protocol == 44 && (word_at(packet, at + 2) & 0xFFF8) != 0) return {packet[at], {}};
    const std::size_t length = protocol == 44 ? 8 : 8 + 8 * packet[at + 1];
    protocol = packet[at];
    at += length;
  }
  return {protocol, packet.subspan(std::min(at, packet.size()))};
}

std::string text_of(Bytes address) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(address.size() == 4 ? AF_INET : AF_INET6, address.data(), text, sizeof(text));
}

bool is_in(Bytes address, const Network& network) {
  if ((network.family == AF_INET ? 4U : 16U) != address.size()) return false;
  for (unsigned bit = 0; bit < network.length; ++bit) {
    if (((address[bit / 8] ^ network.base[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

bool is_pod(Bytes address, const std::vector<Network>& pods) {
  return std::any_of(pods.begin(), pods.end(), [&](const Network& network) { return is_in(address, network); });
}

bool quotes_a_packet(bool ipv4, const Transport& transport) {
  if (transport.header.empty()) return false;
  return ipv4 ? transport.protocol == IPPROTO_ICMP && holds(icmp_errors, transport.header[0])
              : transport.protocol == IPPROTO_ICMPV6 && holds(icmp6_errors, transport.header[0]);
}

// A line for each pod's address that the packet shows.
std::vector<std::string> shown_pods(Bytes packet, const std::vector<Network>& pods) {
  std::vector<std::string> shown;
  if (!is_whole(packet)) return shown;
  const std::string source = text_of(source_of(packet)), destination = text_of(destination_of(packet));
  const Transport transport = transport_of(packet);
  if (is_pod(source_of(packet), pods)) {
    shown.push_back(source + " " + destination + " protocol " + std::to_string(transport.protocol));
  }
  if (!quotes_a_packet(is_ipv4(packet), transport) || transport.header.size() < 8) return shown;
  const Bytes quoted = transport.header.subspan(8);
  if (!is_whole(quoted)) return shown;
  for (const Bytes end : {source_of(quoted), destination_of(quoted)}) {
    if (!is_pod(end, pods)) continue;
    shown.push_back(text_of(end) + " " + destination + " quoted by ICMP type " + std::to_string(transport.header[0]) +
                    " of " + source);
  }
  return shown;
}

// --- devices --------------------------------------------------------------------------------------------------------

Network network_of(const std::string& text) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  Network network{address.contains(':') ? AF_INET6 : AF_INET, {}, 0};
  if (slash == std::string::npos || inet_pton(network.family, address.c_str(), network.base.data()) != 1) die(text);
  network.length = static_cast<unsigned>(std::stoul(text.substr(slash + 1)));
  return network;
}

int listen_on(const std::string& device, const std::vector<Network>& pods) {
  const int listener = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (listener < 0) die("socket");
  const int size = 16 << 20;
  ::setsockopt(listener, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
  std::vector<sock_filter> filter = filter_for(pods);
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  if (::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) die("filter");
  sockaddr_ll where{};
  where.sll_family = AF_PACKET;
  where.sll_protocol = htons(3);  // ETH_P_ALL
  where.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
  if (where.sll_ifindex == 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&where), sizeof(where)) != 0) die(device);
  return listener;
}

struct Options {
  std::string out, ready;
  std::vector<Network> pods;
  std::vector<std::string> devices;
};

Options parse(int count, char** words) {
  static constexpr option known[] = {{"out", required_argument, nullptr, 'o'},
                                     {"ready", required_argument, nullptr, 'r'},
                                     {"pods", required_argument, nullptr, 'p'},
                                     {nullptr, 0, nullptr, 0}};
  Options options;
  for (int which = 0; (which = getopt_long(count, words, "", known, nullptr)) != -1;) {
    if (which == 'o') options.out = optarg;
    if (which == 'r') options.ready = optarg;
    if (which == 'p') options.pods.push_back(network_of(optarg));
  }
  options.devices.assign(words + optind, words + count);
  if (options.out.empty() || options.ready.empty() || options.pods.empty() || options.devices.empty()) {
    std::fprintf(stderr, "%s\n", usage);
    std::exit(2);
  }
  return options;
}

void write_down(int listener, const std::string& device, const Options& options, int out, std::set<std::string>& seen) {
  std::uint8_t buffer[2048];
  sockaddr_ll from{};
  socklen_t length = sizeof(from);
  const ssize_t got = ::recvfrom(listener, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from), &length);
  if (got <= 0 || from.sll_pkttype == PACKET_OUTGOING) return;
  const Bytes packet =
      ip_packet(ntohs(from.sll_protocol), from.sll_hatype, Bytes(buffer, static_cast<std::size_t>(got)));
  for (const std::string& shown : shown_pods(packet, options.pods)) {
    const std::string line = shown + " " + device + "\n";
    if (seen.insert(line).second && ::write(out, line.data(), line.size()) < 0) die(options.out);
  }
}

void watch(const Options& options) {
  std::vector<pollfd> listeners;
  for (const std::string& device : options.devices) listeners.push_back({listen_on(device, options.pods), POLLIN, 0});
  const int out = ::open(options.out.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (out < 0) die(options.out);
  if (::open(options.ready.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644) < 0) die(options.ready);
  std::set<std::string> seen;
  while (::poll(listeners.data(), listeners.size(), -1) >= 0) {
    for (std::size_t number = 0; number < listeners.size(); ++number) {
      if (listeners[number].revents == 0) continue;
      write_down(listeners[number].fd, options.devices[number], options, out, seen);
    }
  }
}

}  // namespace
}  // namespace masq::watch

int main(int count, char** words) {
  masq::watch::watch(masq::watch::parse(count, words));
}
