// SPDX-License-Identifier: Apache-2.0
// The clients of connections that go on.
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "tests/support/peer/progress.hpp"
#include "tests/support/peer/sockets.hpp"

namespace masq::peer {
namespace {

// A datagram, or its answer, may get lost `retries` times.
std::string ask_again(int fd, int retries) {
  for (;;) {
    std::string answer = read_answer(fd);
    if (!answer.empty()) return answer;
    if (retries-- == 0) die("timed out");
    if (!send_all(fd, who)) die_of_errno("send");
  }
}

std::string without_newline(const std::string& line) {
  return line.substr(0, line.find('\n'));
}

struct Member {
  Socket socket;
  std::string first;  // how the server saw it, in the first round
};

void ask_all(std::vector<Member>& members, int retries) {
  for (Member& member : members) {
    if (!send_all(member.socket.fd(), who)) die_of_errno("send");
  }
  for (Member& member : members) {
    const std::string seen = ask_again(member.socket.fd(), retries);
    if (member.first.empty()) member.first = seen;
    if (member.first != seen) {
      die("it was " + without_newline(member.first) + ", and became " + without_newline(seen));
    }
  }
}

// One of a crowd: asks as soon as it is connected. Returns true when it was answered, and is no longer in `waiting`.
bool go_on(pollfd& waiting) {
  char buffer[256];
  const bool asked = (waiting.events & POLLIN) != 0;
  if (!asked && ::send(waiting.fd, who.data(), who.size(), MSG_NOSIGNAL) >= 0) {
    waiting.events = POLLIN;
    return false;
  }
  const bool answered = asked && ::recv(waiting.fd, buffer, sizeof(buffer), 0) > 0;
  waiting.fd = -1;
  return answered;
}

std::uint64_t count_answers(std::vector<pollfd> waiting, double timeout) {
  using std::chrono::steady_clock;
  std::uint64_t answered = 0;
  const auto deadline = steady_clock::now() + std::chrono::duration<double>(timeout);
  while (!waiting.empty() && steady_clock::now() < deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) < 0) die_of_errno("poll");
    for (pollfd& each : waiting) {
      if (each.revents != 0) answered += go_on(each);
    }
    std::erase_if(waiting, [](const pollfd& each) { return each.fd < 0; });
  }
  return answered;
}

}  // namespace

void chat(const Request& request) {
  Progress progress(request.progress);
  const Socket connection = connect_to(request);
  LineReader stream(connection.fd());
  bool stopped = progress.keep(0, true);
  for (std::uint64_t count = 0; !stopped;) {
    const std::string line = "line " + std::to_string(count) + "\n";
    if (!send_all(connection.fd(), line)) die_of_errno("send");
    if (stream.next() != line) {
      if (errno != 0) die_of_errno("receive");
      die("no echo of line " + std::to_string(count));
    }
    stopped = progress.keep(++count, true);
    pause_for(request.pause);
  }
}

void hold(const Request& request) {
  Progress progress(request.progress);
  std::vector<Member> members;
  for (int number = 0; number < request.count; ++number) members.push_back({connect_to(request), ""});
  for (std::uint64_t rounds = 0; !progress.keep(rounds, true); ++rounds) {
    ask_all(members, request.retries);
    pause_for(request.pause);
  }
}

void crowd(const Request& request) {
  std::vector<Socket> members;
  std::vector<pollfd> waiting;
  Endpoint target = endpoint_of(request.address, request.port);
  for (int number = 0; number < request.count; ++number) {
    members.emplace_back(::socket(family_of(request.address), type_of(request) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(members.back().fd(), target.raw(), target.length) != 0 && errno != EINPROGRESS) continue;
    waiting.push_back({members.back().fd(), POLLOUT, 0});
  }
  const std::uint64_t answered = count_answers(std::move(waiting), request.timeout);
  Progress progress(request.progress);
  while (!progress.keep(answered, true)) pause_for(0.02);
}

}  // namespace masq::peer
