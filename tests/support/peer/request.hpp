// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace masq::peer {

/// The command line of lab_peer: main.cpp has the usage.
struct Request {
  std::string verb;
  std::string protocol = "tcp";  // tcp, udp, ping
  std::string direction;         // of a transfer: down, up
  std::string address;
  std::uint16_t port = 0;
  int count = 1;
  std::string log;       // of the server: a line for each caller
  std::string ready;     // of the server: created when it serves
  std::string progress;  // of a client: its count; the client ends when PROGRESS.stop exists
  std::size_t size = 0;  // of a datagram and of its answer, in bytes
  int retries = 0;
  std::string source;
  std::uint16_t source_port = 0;
  double timeout = 2;   // seconds
  double pause = 0.02;  // seconds
};

// Each runs until its work is done; a failure ends the process with exit 1 and a line on standard error.
void serve(const Request& request);
void ask(const Request& request);
void chat(const Request& request);
void transfer(const Request& request);
void crowd(const Request& request);
void hold(const Request& request);
void knock(const Request& request);

}  // namespace masq::peer
