// SPDX-License-Identifier: Apache-2.0
// The two ends of the benchmark's connections: `masq_bench_traffic serve`, or a client that works for some seconds and
// prints {"count": …, "seconds": …, "cpu": …}. IPv4, as the question is what the translation costs.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

namespace {

constexpr std::uint16_t sink_port = 5001, echo_port = 5002, once_port = 5003, datagram_port = 5004;
constexpr const char* world = "203.0.113.9";

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int check(int result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

sockaddr_in endpoint(const char* address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  inet_pton(AF_INET, address, &to.sin_addr);
  return to;
}

void set(int fd, int level, int option, int value) {
  check(setsockopt(fd, level, option, &value, sizeof value), "setsockopt");
}

double now(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

// Tells when the time is over, asking the clock only now and then.
class Watch {
 public:
  explicit Watch(double seconds)
      : begin_(now(CLOCK_MONOTONIC)), cpu_(now(CLOCK_PROCESS_CPUTIME_ID)), seconds_(seconds) {}
  bool goes_on() { return ++asked_ % 16 != 0 || now(CLOCK_MONOTONIC) - begin_ < seconds_; }
  void report(std::uint64_t count) const {
    std::printf("{\"count\": %llu, \"seconds\": %.6f, \"cpu\": %.6f}\n", static_cast<unsigned long long>(count),
                now(CLOCK_MONOTONIC) - begin_, now(CLOCK_PROCESS_CPUTIME_ID) - cpu_);
  }

 private:
  double begin_, cpu_, seconds_;
  std::uint64_t asked_ = 0;
};

// --- server ----------------------------------------------------------------------------------------------------------

int listener(std::uint16_t port) {
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  const auto at = endpoint("0.0.0.0", port);
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  check(bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind");
  check(listen(fd, 1024), "listen");
  return fd;
}

// Nobody reads it: what counts is what comes in at the device. That it is there keeps ICMP errors away.
void open_datagram_sink() {
  const int fd = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  const auto at = endpoint("0.0.0.0", datagram_port);
  set(fd, SOL_SOCKET, SO_RCVBUF, 2048);
  check(bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind");
}

class Server {
 public:
  Server() : epoll_(check(epoll_create1(0), "epoll")) {
    for (const auto port : {sink_port, echo_port, once_port}) watch(listener(port), port, true);
    open_datagram_sink();
  }
  [[noreturn]] void run() {
    std::puts("ready");
    std::fflush(stdout);
    std::array<epoll_event, 64> events{};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) serve(events[static_cast<std::size_t>(i)].data.u64);
    }
  }

 private:
  static constexpr std::uint64_t is_listener = 1ull << 63;

  void watch(int fd, std::uint16_t port, bool listens) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = (listens ? is_listener : 0) | std::uint64_t{port} << 32 | static_cast<std::uint32_t>(fd);
    check(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }

  void serve(std::uint64_t tag) {
    const int fd = static_cast<int>(tag & 0xffffffff);
    const auto port = static_cast<std::uint16_t>(tag >> 32 & 0xffff);
    if (tag & is_listener) {
      const int connection = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK);
      if (connection < 0) return;
      set(connection, IPPROTO_TCP, TCP_NODELAY, 1);
      return watch(connection, port, false);
    }
    const auto got = read(fd, buffer_.data(), port == sink_port ? buffer_.size() : 1);
    if (got < 0 && errno == EAGAIN) return;
    if (got > 0 && port != sink_port && write(fd, buffer_.data(), 1) != 1) std::perror("write");
    if (got <= 0) close(fd);
  }

  int epoll_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

// --- clients ---------------------------------------------------------------------------------------------------------

int connected(const char* address, std::uint16_t port) {
  const int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
  const auto to = endpoint(address, port);
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  check(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
  return fd;
}

void send_one(int fd) {
  if (write(fd, "x", 1) != 1) fail("write");
}

void receive_one(int fd) {
  char answer = 0;
  if (read(fd, &answer, 1) != 1) fail("read");
}

void bulk(double seconds) {
  const int fd = connected(world, sink_port);
  const std::vector<char> data(128 * 1024);
  std::uint64_t bytes = 0;
  Watch watch(seconds);
  while (watch.goes_on()) {
    const auto sent = write(fd, data.data(), data.size());
    if (sent < 0) fail("write");
    bytes += static_cast<std::uint64_t>(sent);
  }
  watch.report(bytes);
}

void request_response(double seconds, std::size_t connections) {
  std::vector<int> fds;
  for (std::size_t i = 0; i < connections; ++i) fds.push_back(connected(world, echo_port));
  std::uint64_t count = 0;
  Watch watch(seconds);
  for (const int fd : fds) send_one(fd);
  // All are asked before the first is heard: so there is always something to do at either end.
  for (std::size_t i = 0; watch.goes_on(); i = (i + 1) % fds.size(), ++count) {
    receive_one(fds[i]);
    send_one(fds[i]);
  }
  watch.report(count);
}

// Each connection is a new one for the translation: the destination changes.
void connect_and_close(double seconds, unsigned first) {
  std::uint64_t count = 0;
  Watch watch(seconds);
  for (; watch.goes_on(); ++count) {
    const auto address = "203.0.113." + std::to_string(1 + (first + count) % 250);
    const int fd = connected(address.c_str(), once_port);
    send_one(fd);
    receive_one(fd);
    close(fd);
  }
  watch.report(count);
}

void datagrams(double seconds) {
  const int fd = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  const auto to = endpoint(world, datagram_port);
  check(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
  std::array<char, 64> data{};
  std::uint64_t count = 0;
  Watch watch(seconds);
  for (; watch.goes_on(); ++count)
    if (send(fd, data.data(), data.size(), 0) < 0 && errno != ENOBUFS) fail("send");
  watch.report(count);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 1;
  const int number = argc > 3 ? std::atoi(argv[3]) : 1;
  if (what == "serve") Server().run();
  if (what == "bulk") return bulk(seconds), 0;
  if (what == "rr") return request_response(seconds, static_cast<std::size_t>(number)), 0;
  if (what == "crr") return connect_and_close(seconds, static_cast<unsigned>(number)), 0;
  if (what == "udp") return datagrams(seconds), 0;
  std::fprintf(stderr, "masq_bench_traffic serve | bulk S | rr S CONNECTIONS | crr S FIRST | udp S\n");
  return 2;
}
