// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"

namespace masq::os {

struct HttpReply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  // If set, no body follows the header: the connection, a non-blocking socket, is handed to this function, which writes
  // lines to it for as long as it likes.
  std::function<void(Fd connection)> stream = nullptr;
};

// Limits for the clients of a server.
struct HttpLimits {
  Timers::Clock::duration timeout = std::chrono::seconds(5);  // for the request, and the same for reading the reply
  std::size_t connections = 64;
  // If all connections are open, a new one that has not sent its request replaces another: one without a complete
  // request before one that reads its reply, and of these the oldest of the address that has the most. Silent clients
  // therefore block only themselves. If false, the new connection waits.
  bool busiest_gives_way = false;
};

// A GET-only HTTP/1.1 server inside the event loop, for few clients: one request per connection, at most 64 KiB per
// request; streams do not count. docs/decisions/0003-unix-socket-api.md explains why it is not
// a library.
class HttpServer {
 public:
  using Handler = std::function<HttpReply(std::string_view target)>;  // "/v1/status?x=y"

  // `listener`: a listening stream socket, non-blocking.
  static Result<std::unique_ptr<HttpServer>> open(EventLoop& loop, Fd listener, Handler handler,
                                                  HttpLimits limits = HttpLimits());
  ~HttpServer();

 private:
  class Connection;
  using Hosts = std::map<std::string, int>;  // open connections by address

  HttpServer(EventLoop& loop, Fd listener, Handler handler, HttpLimits limits);
  Result<void> listen();
  void accept_some();
  bool make_room();
  void end_one();
  void pause_accepting();
  void forget(const Connection* connection);

  EventLoop& loop_;
  Fd listener_;
  Handler handler_;
  HttpLimits limits_;
  EventLoop::Watch watch_;
  Timer pause_;
  Hosts hosts_;
  std::list<std::unique_ptr<Connection>> connections_;
};

}  // namespace masq::os
