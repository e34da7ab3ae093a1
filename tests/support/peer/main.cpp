// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/peer/request.hpp"
#include "tests/support/peer/sockets.hpp"

namespace {

using masq::peer::Request;

constexpr auto usage = R"(Both ends of the scenarios' traffic.

serve PROTOCOL PORT --log FILE --ready FILE   answers, and notes each caller: PROTOCOL SOURCE SPORT DESTINATION DPORT
ask PROTOCOL ADDRESS PORT [--size BYTES]      one request; prints "SOURCE SPORT" as the server saw them
chat ADDRESS PORT --progress FILE             one TCP connection, numbered lines; the count is kept in FILE
transfer down|up ADDRESS PORT --progress FILE one TCP connection, every byte compared; the count is kept in FILE
crowd PROTOCOL ADDRESS PORT COUNT --progress FILE  COUNT connections at once; FILE: how many were answered
hold PROTOCOL ADDRESS PORT COUNT --progress FILE   COUNT connections that ask again and again, and that the server has to
                                              see under the same endpoint each time; the rounds are kept in FILE
knock ADDRESS PORT --progress FILE            one TCP connection after the other, each of which has to be answered

All clients: [--source ADDRESS] [--source-port PORT] [--timeout SECONDS] [--pause SECONDS]; hold: [--retries COUNT].
The last five end when FILE.stop exists; any break or wrong byte is exit 1 with a line on standard error.)";

struct Verb {
  void (*run)(const Request&);
  std::vector<std::string> words;  // its arguments, in order
  double timeout;                  // by default, in seconds
};

const std::map<std::string, Verb> verbs = {
    {"serve", {masq::peer::serve, {"protocol", "port"}, 0}},
    {"ask", {masq::peer::ask, {"protocol", "address", "port"}, 2}},
    {"chat", {masq::peer::chat, {"address", "port"}, 10}},
    {"transfer", {masq::peer::transfer, {"direction", "address", "port"}, 10}},
    {"crowd", {masq::peer::crowd, {"protocol", "address", "port", "count"}, 2}},
    {"hold", {masq::peer::hold, {"protocol", "address", "port", "count"}, 10}},
    {"knock", {masq::peer::knock, {"address", "port"}, 10}},
};

template <class T>
T number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') masq::peer::die("no number: " + text);
  return static_cast<T>(value);
}

void set_value(Request& request, const std::string& name, const std::string& value) {
  if (name == "protocol") request.protocol = value;
  if (name == "direction") request.direction = value;
  if (name == "address") request.address = value;
  if (name == "port") request.port = number<std::uint16_t>(value);
  if (name == "count") request.count = number<int>(value);
  if (name == "log") request.log = value;
  if (name == "ready") request.ready = value;
  if (name == "progress") request.progress = value;
  if (name == "size") request.size = number<std::size_t>(value);
  if (name == "retries") request.retries = number<int>(value);
  if (name == "source") request.source = value;
  if (name == "source-port") request.source_port = number<std::uint16_t>(value);
  if (name == "timeout") request.timeout = number<double>(value);
  if (name == "pause") request.pause = number<double>(value);
}

constexpr option options[] = {
    {"log", required_argument, nullptr, 0},      {"ready", required_argument, nullptr, 0},
    {"progress", required_argument, nullptr, 0}, {"size", required_argument, nullptr, 0},
    {"retries", required_argument, nullptr, 0},  {"source", required_argument, nullptr, 0},
    {"timeout", required_argument, nullptr, 0},  {"source-port", required_argument, nullptr, 0},
    {"pause", required_argument, nullptr, 0},    {nullptr, 0, nullptr, 0},
};

}  // namespace

int main(int count, char** words) {
  Request request;
  request.verb = count > 1 ? words[1] : "";
  masq::peer::set_verb_of_messages(request.verb);
  const auto verb = verbs.find(request.verb);
  if (verb == verbs.end()) masq::peer::die(usage);
  request.timeout = verb->second.timeout;
  int index = 0, result = 0;
  while ((result = getopt_long(count, words, "", options, &index)) != -1) {
    if (result != 0) return 2;
    set_value(request, options[index].name, optarg);
  }
  ++optind;  // the verb
  for (const std::string& name : verb->second.words) {
    if (optind >= count) masq::peer::die("no " + name + "\n" + usage);
    set_value(request, name, words[optind++]);
  }
  std::signal(SIGPIPE, SIG_IGN);
  verb->second.run(request);
  return 0;
}
